"""From which score on predictions are shown: one score for all classes, and others for some of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cytoshift.models.found_by import counted_from

if TYPE_CHECKING:
    from cytoshift.models.card import Card

DIGITS = 3


@dataclass(frozen=True)
class Thresholds:
    """Scores from which predictions are shown.

    Parameters
    ----------
    common : float
        For every class that has none of its own.
    own : mapping of str to float
        Scores by class name.
    """

    common: float = 0.5
    own: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_card(cls, card: Card | None) -> Thresholds:
        """Return those a model's card names; 0.5 where there is no card."""
        return cls(*counted_from(card))

    @classmethod
    def from_json(cls, data: Any) -> Thresholds:
        """Read what `to_json` made; a plain number is one threshold for all classes."""
        if isinstance(data, Mapping):
            return cls(float(data["common"]), {name: float(score) for name, score in data["own"].items()})
        return cls(float(data))

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        own = {name: round(score, DIGITS) for name, score in self.own.items()}
        return {"common": round(self.common, DIGITS), "own": own}

    def of(self, name: str) -> float:
        """Return the threshold of a class."""
        return self.own.get(name, self.common)

    def of_classes(self, classes: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """Return the thresholds of classes, shape ``(n,)``."""
        return np.array([self.of(name) for name in classes], np.float32)

    def with_class(self, name: str, score: float) -> Thresholds:
        """Return these with another threshold for one class."""
        return replace(self, own={**self.own, name: score})
