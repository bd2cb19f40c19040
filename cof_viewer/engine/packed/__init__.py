"""The paper's form of Stage 2: packed flows, a 3-D U-Net, Euler 20; and the same network as a diffusion model."""

from cof_viewer.engine.packed.beat import PackedEngine, load_packed
from cof_viewer.engine.packed.generator import PackedGenerator

__all__ = ["PackedEngine", "PackedGenerator", "load_packed"]
