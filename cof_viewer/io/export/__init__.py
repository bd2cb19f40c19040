"""Files out: pictures and labels as NIfTI, numbers as JSON and CSV."""
