"""COF Viewer: cardiac MRI and a 12-lead ECG in, a moving heart with its numbers out. Research use only."""

__version__ = "0.1.0"
