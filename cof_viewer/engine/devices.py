"""Where networks compute."""

from __future__ import annotations

import torch

from cof_viewer.domain.errors import UserError


def device_named(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: "auto" (CUDA where there is one), "cpu" or "cuda".

    Raises:
        UserError: CUDA is asked for and absent.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("No CUDA device was found. Use --device cpu.")
    return torch.device(name)
