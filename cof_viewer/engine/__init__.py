"""Chain of Flow, inference: everything learned that runs."""
