"""The printed report: one page of what was measured or generated, with its reasons and its limits."""

from cof_viewer.report.document import write_report

__all__ = ["write_report"]
