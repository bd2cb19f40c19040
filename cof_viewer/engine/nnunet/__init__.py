"""Segmenters trained with nnU-Net v2, read from its folders and run in our own code."""
