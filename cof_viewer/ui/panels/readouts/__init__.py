"""The numbers: EF large, the rows with interval and normal range, what the reader should know, the stop."""

from cof_viewer.ui.panels.readouts.panel import ReadoutsPanel

__all__ = ["ReadoutsPanel"]
