"""The segmenter on the real pictures: no generator, but what measuring itself gets wrong."""

from __future__ import annotations

import numpy as np

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Cine, Label
from cof_viewer.domain.study import Study
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat, ef_of_curve, es_fraction
from cof_viewer.evaluation.methods.base import Method, Tools


class MeasuredBeat(Method):
    """Every phase of the real beat segmented, as `cof-viewer measure` does."""

    name = "segmenter"
    words = "no generator: the segmenter on the real pictures of every phase"
    uses_weights = True
    measures = True

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """Measure; partial volumes counted."""
        if anchor.whole is None:
            raise UserError(f'"{anchor.case_id}" has no pictures of its whole beat.', code="no-cine")
        volume = anchor.prepared.volume
        volume = volume.with_slices_reversed() if anchor.prepared.was_reversed else volume
        cine = Cine(anchor.whole * np.float32(255), volume.grid, name=anchor.case_id)
        labels = tools.engine.measure(Study(anchor.case_id, cine=cine)).labels
        curve = labels.voxels(Label.LV) * labels.grid.voxel_volume_ml
        return EvaluatedBeat(curve, ef_of_curve(curve), es_fraction(curve), labels.data, anchor.whole)
