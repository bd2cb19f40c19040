"""What a store of cases holds and how true it is: one page with tables and pictures, and a summary in Markdown."""

from cof_viewer.cohort.audits.describe import describe

__all__ = ["describe"]
