"""The space in which hearts move here: anatomical polar velocities, stationary in time, and a time law."""
