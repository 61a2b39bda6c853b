"""Findings: immutable predictions with provenance. No torch here: reviewing works without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.measures import Measures, check_measures, no_measures, select_measures

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where findings come from.

    Parameters
    ----------
    slide : str
        Identity of the slide.
    model : str
        Id of the model, e.g. ``"detector-cric"``.
    version : str
        Checksum of the model's weights.
    threshold : float
        Score below which nothing was kept.
    region : tuple of float or None
        x0, y0, x1, y1 in level-0 pixels that was searched; None for the whole slide.
    through : str
        Id of the operator through which the model looked; ``""`` for the original.
    made : str
        ISO time in UTC.
    """

    slide: str
    model: str
    version: str = ""
    threshold: float = 0.0
    region: Box | None = None
    through: str = ""
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Provenance:
        """Read what `to_json` made."""
        region = data.get("region")
        return cls(**{**data, "region": None if region is None else tuple(region)})


@dataclass(frozen=True, slots=True)
class Findings:
    """Boxes found on a slide.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 in level-0 pixels of the original slide.
    scores : ndarray of float32, shape (n,)
        Probability of the label.
    labels : ndarray of int16, shape (n,)
        Index into `classes`.
    classes : tuple of str
        Class names.
    provenance : Provenance
        Slide, model, threshold and region.
    measures : mapping of str to ndarray of float32, shape (n,)
        Further numbers by name, a probability of something else, say; NaN where one is not known.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    classes: tuple[str, ...]
    provenance: Provenance
    measures: Measures = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.boxes)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or self.labels.shape != (n,):
            raise ValueError(f"findings do not fit: {self.boxes.shape}, {self.scores.shape}, {self.labels.shape}")
        check_measures(self.measures, n)
        arrays: list[npt.NDArray[Any]] = [self.boxes, self.scores, self.labels, *self.measures.values()]
        for array in arrays:
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def empty(cls, classes: tuple[str, ...], provenance: Provenance, measures: tuple[str, ...] = ()) -> Findings:
        """Return no findings."""
        none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16)
        return cls(*none, classes, provenance, no_measures(measures))

    def select(self, which: npt.NDArray[Any]) -> Findings:
        """Return the findings at a boolean mask or indices."""
        return replace(
            self,
            boxes=self.boxes[which],
            scores=self.scores[which],
            labels=self.labels[which],
            measures=select_measures(self.measures, which),
        )
