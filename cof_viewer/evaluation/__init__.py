"""The measuring stick: held-out patients, metrics, tables."""
