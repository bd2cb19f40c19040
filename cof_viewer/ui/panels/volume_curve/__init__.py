"""The volume curve: what it shows, how it is painted, the panel round it."""

from cof_viewer.ui.panels.volume_curve.panel import CurvePanel

__all__ = ["CurvePanel"]
