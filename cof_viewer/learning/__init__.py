"""Training of what the engine runs: datasets, losses, trainers, configs."""
