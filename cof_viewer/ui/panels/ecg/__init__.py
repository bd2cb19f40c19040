"""The ECG: twelve leads on paper, the median beat beside them, the panel round both."""

from cof_viewer.ui.panels.ecg.panel import EcgPanel

__all__ = ["EcgPanel"]
