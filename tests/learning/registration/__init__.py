"""Tests of Stage 1's training."""
