"""Pretraining of the ECG encoder by masked autoencoding."""
