"""Training of the short-axis segmenter and of the localiser that finds the heart for it."""
