"""What an anchor's shape alone tells of EF: an extra-trees forest that keeps its learning hearts in its leaves.

A hundred hearts teach trees more of EF than they teach a smooth network (docs/decisions/0011). The hearts that fall
into an anchor's leaves, weighted, are the distribution of its EF (quantile regression forest, Meinshausen 2006); three
quantiles of it are given to the flow beside the shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

QUANTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class EfForest:
    """Trees over anatomy vectors, and which learning hearts lie in which leaf.

    Attributes:
        feature: int16 [trees, nodes] that each node asks for.
        threshold: float32 [trees, nodes]; at most it goes left.
        left: int16 [trees, nodes] child; -1 at a leaf. `right` likewise.
        leaf: int16 [trees, hearts] leaf of every learning heart, hearts in rising order of EF.
        weight: float32 [hearts].
        ef_logit: float32 [hearts], rising.
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    leaf: Tensor
    weight: Tensor
    ef_logit: Tensor

    def leaves(self, features: Tensor) -> Tensor:
        """int64 [n, trees]: the leaf that each anatomy vector [n, features] falls into."""
        trees = torch.arange(len(self.feature))[None]
        node = torch.zeros((len(features), len(self.feature)), dtype=torch.int64)
        while True:
            left = self.left[trees, node].long()
            inner = left >= 0
            if not bool(inner.any()):
                return node
            asked = features.gather(1, self.feature[trees, node].long().clamp(min=0))
            lower = asked <= self.threshold[trees, node]
            child = torch.where(lower, left, self.right[trees, node].long())
            node = torch.where(inner, child, node)

    def hearts(self, features: Tensor) -> Tensor:
        """[n, hearts] share of every learning heart in what is expected of each anatomy vector; rows sum to 1."""
        together = (self.leaves(features)[:, :, None] == self.leaf[None]) * self.weight
        shares = together / together.sum(dim=2, keepdim=True).clamp(min=1e-9)
        return shares.mean(dim=1)

    def quantiles(self, features: Tensor) -> Tensor:
        """[n, 3] logit of EF at `QUANTILES` for anatomy vectors [n, features]."""
        reached = self.hearts(features).cumsum(dim=1)
        asked = torch.tensor(QUANTILES).expand(len(reached), -1) * reached[:, -1:]
        place = torch.searchsorted(reached, asked.contiguous()).clamp(max=len(self.ef_logit) - 1)
        return self.ef_logit[place]

    def tensors(self) -> dict[str, Tensor]:
        """Everything by name, for storage."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> EfForest:
        """The inverse of `tensors`."""
        return cls(**{name: tensors[name] for name in cls.__dataclass_fields__})
