"""Made hearts to learn from: an anatomy vector whose first numbers tell of EF, and a code that nothing depends on."""

import numpy as np

from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.features import ANATOMY_FEATURES
from cof_viewer.engine.motion.field import CODE_NUMBERS
from cof_viewer.learning.flow.cases import LearningCase
from cof_viewer.learning.flow.fit import FittedBeat

GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")


def hearts(number: int, seed: int = 0, part: Split = Split.TRAIN) -> list[LearningCase]:
    """Hearts whose volume falls as their EF rises."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(number):
        ef = float(rng.uniform(15, 75))
        shape = rng.normal(0, 1, ANATOMY_FEATURES).astype(np.float32)
        shape[0] = np.log(260 - 2.5 * ef + rng.normal(0, 8))
        codes = rng.normal(0, 0.1, (2, CODE_NUMBERS)).astype(np.float32)
        beat = FittedBeat(codes[0], codes[1], ef, bool(k % 3 == 0), (0.9, 0.9, 0.9))
        made.append(LearningCase(f"acdc:made{seed}-{k}", GROUPS[k % 5], part, shape, shape + 0.1, beat))
    return made
