"""The slices: the large picture with its contours, the film strip, all slices at once, measured beside generated."""

from cof_viewer.ui.panels.slices.panel import SlicesPanel

__all__ = ["SlicesPanel"]
