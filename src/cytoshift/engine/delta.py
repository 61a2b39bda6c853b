"""What differs between two searches of one slide: cells kept, changed, gained and lost. No torch here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Findings
from cytoshift.engine.pairing import one_to_one, overlapping
from cytoshift.errors import DataError

Indices = npt.NDArray[np.int64]
Threshold = float | Mapping[str, float]

NOT_SEEN = -1


@dataclass(slots=True)
class ClassDelta:
    """What became of the cells of one class.

    Parameters
    ----------
    name : str
        The class.
    kept : int
        Cells that both searches found as this class.
    gained, lost : int
        Cells of this class that only the second, or only the first, search found.
    gained_seen, lost_seen : int
        Those of them that the other search saw too, below its threshold.
    became, was : Counter of str
        How many cells of this class the second search calls otherwise, by what it calls them; and how many of the
        second search's cells of this class the first called otherwise, by what it called them.
    """

    name: str
    kept: int = 0
    gained: int = 0
    lost: int = 0
    gained_seen: int = 0
    lost_seen: int = 0
    became: Counter[str] = field(default_factory=Counter)
    was: Counter[str] = field(default_factory=Counter)

    @property
    def before(self) -> int:
        """Cells of this class in the first search."""
        return self.kept + self.lost + self.became.total()

    @property
    def after(self) -> int:
        """Cells of this class in the second search."""
        return self.kept + self.gained + self.was.total()


@dataclass(frozen=True, slots=True)
class Delta:
    """How the findings of two searches of one slide correspond. All indices are positions in the findings given.

    Parameters
    ----------
    before, after : Findings
        The two searches, below the threshold too where that was given.
    kept : ndarray of int64, shape (k, 2)
        The same place and class in both: positions in `before` and `after`.
    changed : ndarray of int64, shape (c, 2)
        The same place, another class.
    gained : ndarray of int64, shape (g,)
        Positions in `after` of what has no partner in `before`.
    lost : ndarray of int64, shape (l,)
        Positions in `before` of what has no partner in `after`.
    gained_seen : ndarray of int64, shape (g,)
        For each gained one the position in `before` of what lies there below the threshold, of whatever class;
        `NOT_SEEN` where nothing does.
    lost_seen : ndarray of int64, shape (l,)
        For each lost one the same in `after`.
    below_known : bool
        Whether a threshold was given, so that findings below it could be looked at.
    """

    before: Findings
    after: Findings
    kept: Indices
    changed: Indices
    gained: Indices
    lost: Indices
    gained_seen: Indices
    lost_seen: Indices
    below_known: bool

    @property
    def score_change(self) -> float | None:
        """Mean of the score after minus the score before, over the kept ones; None where none was kept."""
        if not len(self.kept):
            return None
        scores = self.before.scores.astype(np.float64), self.after.scores.astype(np.float64)
        return float((scores[1][self.kept[:, 1]] - scores[0][self.kept[:, 0]]).mean())

    @property
    def words(self) -> str:
        """The numbers in a line: ``"gained 12 · lost 3 · changed 5"``."""
        return f"gained {len(self.gained)} · lost {len(self.lost)} · changed {len(self.changed)}"

    def transitions(self) -> Counter[tuple[str, str]]:
        """Return how many changed from which class to which."""
        old, new = _names(self.before), _names(self.after)
        return Counter(zip(old[self.changed[:, 0]].tolist(), new[self.changed[:, 1]].tolist(), strict=True))

    def table(self) -> list[ClassDelta]:
        """Return what became of each class that occurs, in the order of `after`'s classes, then `before`'s."""
        old, new = _names(self.before), _names(self.after)
        rows = {name: ClassDelta(name) for name in (*self.after.classes, *self.before.classes)}
        for name, count in Counter(new[self.kept[:, 1]].tolist()).items():
            rows[name].kept = count
        for name, count in Counter(new[self.gained].tolist()).items():
            rows[name].gained = count
        for name, count in Counter(old[self.lost].tolist()).items():
            rows[name].lost = count
        for name, count in Counter(new[self.gained[self.gained_seen != NOT_SEEN]].tolist()).items():
            rows[name].gained_seen = count
        for name, count in Counter(old[self.lost[self.lost_seen != NOT_SEEN]].tolist()).items():
            rows[name].lost_seen = count
        for (was, is_now), count in self.transitions().items():
            rows[was].became[is_now] = count
            rows[is_now].was[was] = count
        return [row for row in rows.values() if row.before or row.after]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON can hold them; what nobody could know is null."""
        seen = (int((which != NOT_SEEN).sum()) for which in (self.gained_seen, self.lost_seen))
        gained_seen, lost_seen = seen if self.below_known else (None, None)
        return {
            "kept": len(self.kept),
            "changed": len(self.changed),
            "gained": len(self.gained),
            "gained_seen_below_threshold": gained_seen,
            "lost": len(self.lost),
            "lost_seen_below_threshold": lost_seen,
            "mean_change_of_score": self.score_change,
            "transitions": [
                {"from": was, "to": is_now, "cells": count}
                for (was, is_now), count in sorted(self.transitions().items())
            ],
            "classes": {
                row.name: {
                    "before": row.before,
                    "after": row.after,
                    "kept": row.kept,
                    "gained": row.gained,
                    "gained_seen_below_threshold": row.gained_seen if self.below_known else None,
                    "lost": row.lost,
                    "lost_seen_below_threshold": row.lost_seen if self.below_known else None,
                }
                for row in self.table()
            },
        }


def compare_findings(
    before: Findings, after: Findings, *, iou: float = 0.5, threshold: Threshold | None = None
) -> Delta:
    """Match the findings of two searches of one slide one to one.

    The pair that overlaps most is matched first, whatever its classes; of pairs that overlap alike, one of the same
    class. Neither the order of the findings nor which search comes first has any part in it.

    Parameters
    ----------
    before, after : Findings
        Of one slide, searched in the same region.
    iou : float
        Intersection over union from which two boxes are the same cell, over 0 and up to 1.
    threshold : float or mapping of str to float, optional
        Score, or score by class, from which a finding counts. Findings below it say of the gained and lost ones
        whether the other search saw them too and was only less sure. Without it every finding counts.

    Raises
    ------
    DataError
        The findings are of two slides, were searched in two regions, or a class has no threshold.
    """
    _check(before, after)
    old, new = counting(before, threshold), counting(after, threshold)
    ranks = _ranks(before, after)
    pairs = _match(before, after, ranks, np.flatnonzero(old), np.flatnonzero(new), iou)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    same = _names(before)[pairs[:, 0]] == _names(after)[pairs[:, 1]]
    lost, gained = old.copy(), new.copy()
    lost[pairs[:, 0]], gained[pairs[:, 1]] = False, False
    lost_at, gained_at = np.flatnonzero(lost), np.flatnonzero(gained)
    gained_seen = np.full(len(after), NOT_SEEN, np.int64)
    lost_seen = np.full(len(before), NOT_SEEN, np.int64)
    below = _match(before, after, ranks, np.flatnonzero(~old), gained_at, iou)
    gained_seen[below[:, 1]] = below[:, 0]
    below = _match(before, after, ranks, lost_at, np.flatnonzero(~new), iou)
    lost_seen[below[:, 0]] = below[:, 1]
    return Delta(
        before=before,
        after=after,
        kept=pairs[same],
        changed=pairs[~same],
        gained=gained_at,
        lost=lost_at,
        gained_seen=gained_seen[gained_at],
        lost_seen=lost_seen[lost_at],
        below_known=threshold is not None,
    )


def counting(found: Findings, threshold: Threshold | None) -> npt.NDArray[np.bool_]:
    """Return which findings reach the threshold, ``(n,)``; DataError when it leaves out a class that occurs."""
    if threshold is None:
        return np.ones(len(found), np.bool_)
    if not isinstance(threshold, Mapping):
        return found.scores >= np.float32(threshold)
    missing = [found.classes[k] for k in np.unique(found.labels) if found.classes[k] not in threshold]
    if missing:
        raise DataError(f"There is no threshold for {', '.join(missing)}; give one for every class.")
    by_label = np.array([threshold.get(name, 1.0) for name in found.classes] or [1.0], np.float32)
    return found.scores >= by_label[found.labels]


def _check(before: Findings, after: Findings) -> None:
    if before.provenance.slide != after.provenance.slide:
        raise DataError("These cells were found on two different slides; compare two searches of one slide.")
    if before.provenance.region != after.provenance.region:
        raise DataError("These cells were found in two different regions; search both in the same one.")


def _names(found: Findings) -> npt.NDArray[np.object_]:
    """Return the class of every finding by name, ``(n,)``."""
    return np.array(found.classes or ("",), object)[found.labels]


def _ranks(before: Findings, after: Findings) -> tuple[Indices, Indices]:
    """Return a rank of every finding that depends on what it is and not on where it stands; equals share one."""
    names = {name: k for k, name in enumerate(sorted({*before.classes, *after.classes}))}
    rows = [
        np.column_stack([part.boxes, part.scores, np.array([names[name] for name in part.classes] or [0])[part.labels]])
        for part in (before, after)
    ]
    values = np.concatenate(rows)
    order = np.lexsort(values.T)
    new = np.zeros(len(values), np.int64)
    new[1:] = (values[order][1:] != values[order][:-1]).any(axis=1)
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.cumsum(new)
    return ranks[: len(before)], ranks[len(before) :]


def _match(
    before: Findings, after: Findings, ranks: tuple[Indices, Indices], old: Indices, new: Indices, iou: float
) -> Indices:
    """Match some of one search with some of the other, best overlap first; returns positions, ``(k, 2)``."""
    pairs, overlaps = overlapping(before.boxes[old], after.boxes[new], iou)
    pairs = np.column_stack([old[pairs[:, 0]], new[pairs[:, 1]]])
    other_class = _names(before)[pairs[:, 0]] != _names(after)[pairs[:, 1]]
    one, two = ranks[0][pairs[:, 0]], ranks[1][pairs[:, 1]]
    order = np.lexsort([np.maximum(one, two), np.minimum(one, two), other_class, -overlaps])
    return one_to_one(pairs[order], len(before), len(after))
