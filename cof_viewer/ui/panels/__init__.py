"""The panels of the window. Each only reads the session and calls its commands; none knows another."""
