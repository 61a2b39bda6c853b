"""Whether completely annotated fields can be learned from: seen before anything is cut out or trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cytoshift.engine.pairing import overlapping
from cytoshift.errors import StudyError
from cytoshift.study.split import split_fields
from cytoshift.study.truth import Field

SAME = 0.7
"""Overlap from which two boxes are around one cell: as far apart as two people draw them."""

FEW = 5
"""Cells of a class below which what is learnt of it, and its numbers, say little."""


def check_learnable(fields: Sequence[Field], known: Sequence[str], *, validation_share: float, seed: int) -> None:
    """Look whether fields can be learned from.

    Parameters
    ----------
    fields : sequence of Field
        As `complete_fields` returns them.
    known : sequence of str
        Classes of the model that is to learn.
    validation_share : float
    seed : int
        As for `training_set`.

    Raises
    ------
    StudyError
        One side of the split would have no cells, the model does not know a class, or one cell is in two classes.
    """
    split_fields(fields, validation_share, seed)
    unknown = sorted(set(class_counts(fields)) - set(known))
    if unknown:
        raise StudyError(
            f"The model does not know the class {unknown[0]} that was given to cells in fields marked complete; its "
            f"classes are {', '.join(known)}: choose one of them, or another model."
        )
    for field in fields:
        _check_agreement(field)


def class_counts(fields: Sequence[Field]) -> dict[str, int]:
    """Return how many cells of each class there are to learn."""
    return dict(Counter(label for field in fields for label in field.labels[field.true].tolist()))


def rare(counts: dict[str, int]) -> str:
    """Say in one sentence which classes have few cells; ``""`` where none has."""
    few = [f"{count} of {name}" for name, count in counts.items() if 0 < count < FEW]
    if not few:
        return ""
    return (
        f"There are few cells of some classes, {', '.join(few)}: what is learnt of them, and their numbers, say little."
    )


def _check_agreement(field: Field) -> None:
    """Raise StudyError where two cells on top of each other are of different classes."""
    boxes, labels = field.boxes[field.true].astype(np.float32), field.labels[field.true]
    pairs, _ = overlapping(boxes, boxes, SAME)
    against = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    if not len(against):
        return
    one, other = against[np.lexsort(against.T[::-1])[0]].tolist()
    x0, y0, x1, y1 = field.view.level0(tuple(boxes[one].tolist()))
    raise StudyError(
        f"One cell on {field.view.slide.info.name} at x {(x0 + x1) / 2:.0f}, y {(y0 + y1) / 2:.0f} px is both "
        f"{labels[one]} and {labels[other]}, in a field marked complete; decide in Review which, and start again."
    )
