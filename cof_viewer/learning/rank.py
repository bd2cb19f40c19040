"""Whether this process trains for itself or was started by a training on several devices; light to import."""

from __future__ import annotations

import os

RANK = "LOCAL_RANK"
"""What Lightning Fabric calls a process's place among those of one machine."""


def is_follower() -> bool:
    """Whether another process leads the training: this one writes and says nothing."""
    return os.environ.get(RANK, "0") != "0"
