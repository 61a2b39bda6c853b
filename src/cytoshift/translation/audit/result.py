"""What an audit found: which nuclei changed and how, and where else structure did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

Kind = Literal["invented", "lost", "outline", "texture"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CHANGES: dict[Kind, str] = {"outline": "outline", "texture": "chromatin pattern"}
"""What changed of a nucleus that is still there, in words."""

FLOOR: dict[Kind, float] = {"outline": 0.01, "texture": 0.01}
"""Share of nuclei, rounded up, that a second scanner alone makes look changed; none invented or lost. Measured on
fields that two scanners show, see `docs/translate.md`."""

Ints = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Nuclei that are in both pictures.

    Parameters
    ----------
    points : ndarray of float32, shape (n, 2)
        x, y of their centres, in the space of the audit.
    iou : ndarray of float32, shape (n,)
        Overlap of the outlines, 0 to 1.
    distance : ndarray of float32, shape (n,)
        µm between the outlines on average.
    texture : ndarray of float32, shape (n,)
        Disagreement of the chromatin, 0 to 1; NaN where a nucleus is too small or too faint to say.
    """

    points: Floats
    iou: Floats
    distance: Floats
    texture: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What differs between a picture and its translation.

    Lengths are pixels of the pictures, or level-0 pixels where slides were compared.

    Parameters
    ----------
    region : tuple of float
        x0, y0, x1, y1 of what was compared.
    kinds : ndarray of int8, shape (n,)
        Index into `KINDS`; a nucleus whose outline and texture changed is there twice.
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 around the nuclei.
    severities : ndarray of float32, shape (n,)
        0 to 1.
    compared : Compared
        Measures of the nuclei that are in both.
    nuclei : tuple of int
        How many the first and the second picture show.
    disagreement : ndarray of float32, shape (h, w)
        How far structure disagrees, 0 to 1, in a coarse grid over the region; empty where audits were joined.
    """

    region: tuple[float, float, float, float]
    kinds: Ints
    boxes: Floats
    severities: Floats
    compared: Compared
    nuclei: tuple[int, int]
    disagreement: Floats

    @property
    def points(self) -> Floats:
        """x, y of the middles of `boxes`, shape (n, 2)."""
        middles: Floats = (self.boxes[:, :2] + self.boxes[:, 2:]) / np.float32(2)
        return middles

    @property
    def counts(self) -> dict[Kind, int]:
        """How many there are of each kind."""
        return {kind: int((self.kinds == k).sum()) for k, kind in enumerate(KINDS)}

    @property
    def changed(self) -> float:
        """Mean disagreement of structure; NaN where audits were joined."""
        return float(self.disagreement.mean()) if self.disagreement.size else float("nan")

    @property
    def within_floor(self) -> bool:
        """Whether no more changed than a second scanner alone makes look changed."""
        counts, total = self.counts, self.nuclei[0]
        few = all(counts[kind] <= 2 + 3 * share * total for kind, share in FLOOR.items())
        return few and not counts["invented"] and not counts["lost"]

    @property
    def verdict(self) -> str:
        """What a person should make of it, in one sentence."""
        counts = self.counts
        if not max(self.nuclei):
            return "No nuclei here, so nothing can be said of them."
        if counts["invented"] or counts["lost"]:
            return f"{self.words}: look at each before you rely on this picture."
        if not self.within_floor:
            return f"{self.words}: more than another scanner alone would make, so do not judge nuclei by this picture."
        return f"{self.words}: no more than another scanner alone would make."

    @property
    def words(self) -> str:
        """The counts in words."""
        counts, total = self.counts, self.nuclei[0]
        said = [f"{counts[kind]} {kind}" for kind in KINDS[:2] if counts[kind]]
        changed = [f"{counts[k]} {name}{'s' * (counts[k] != 1)}" for k, name in CHANGES.items() if counts[k]]
        if changed:
            said.append(f"{' and '.join(changed)} changed")
        return f"{', '.join(said) or 'nothing changed'} of {total} {'nucleus' if total == 1 else 'nuclei'}"

    def placed(self, scale: float | tuple[float, float], x: float, y: float) -> Self:
        """Return the same in other pixels: every x, y times a scale (of x and y), plus an offset."""
        factors = np.broadcast_to(np.asarray(scale, np.float64), 2)
        move = np.array([x, y])

        def moved(values: npt.ArrayLike) -> Floats:
            given = np.asarray(values, np.float64)
            pairs = given.reshape(*given.shape[:-1], given.shape[-1] // 2, 2) * factors + move
            there: Floats = pairs.reshape(given.shape).astype(np.float32)
            return there

        x0, y0, x1, y1 = moved(self.region).tolist()
        compared = replace(self.compared, points=moved(self.compared.points))
        return replace(self, region=(x0, y0, x1, y1), boxes=moved(self.boxes), compared=compared)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return {
            "verdict": self.verdict,
            "region": [float(value) for value in self.region],
            "nuclei": {"before": self.nuclei[0], "after": self.nuclei[1]},
            "counts": self.counts,
            "outline_um": _quantiles(self.compared.distance),
            "outline_iou": _quantiles(self.compared.iou),
            "texture": _quantiles(self.compared.texture),
            "changes": [
                {"kind": KINDS[kind], "severity": round(float(severity), 3), "box": [round(float(v), 1) for v in box]}
                for kind, severity, box in zip(self.kinds, self.severities, self.boxes, strict=True)
            ],
        }


def join(audits: Sequence[Audit]) -> Audit:
    """Return one audit of several of parts of a slide; the map of structure is left out.

    Raises
    ------
    ValueError
        When there is none.
    """
    corners = np.array([audit.region for audit in audits]).reshape(-1, 4)
    if not len(corners):
        raise ValueError("no audits to join")
    compared = [audit.compared for audit in audits]
    return Audit(
        (*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist()),
        np.concatenate([audit.kinds for audit in audits]),
        np.concatenate([audit.boxes for audit in audits]),
        np.concatenate([audit.severities for audit in audits]),
        Compared(
            np.concatenate([one.points for one in compared]),
            np.concatenate([one.iou for one in compared]),
            np.concatenate([one.distance for one in compared]),
            np.concatenate([one.texture for one in compared]),
        ),
        (sum(audit.nuclei[0] for audit in audits), sum(audit.nuclei[1] for audit in audits)),
        np.zeros((0, 0), np.float32),
    )


def _quantiles(values: Floats) -> dict[str, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return {}
    return {
        name: round(float(np.quantile(known, share)), 4)
        for name, share in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))
    }
