"""The training loop of segmenter, localiser and pose network: the one that all networks share."""

from cof_viewer.learning.fabric_loop import Progress, Task, fit

__all__ = ["Progress", "Task", "fit"]
