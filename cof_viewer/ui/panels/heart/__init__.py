"""The moving heart in three dimensions."""

from cof_viewer.ui.panels.heart.panel import HeartPanel

__all__ = ["HeartPanel"]
