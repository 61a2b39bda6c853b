"""Measures: named numbers of findings besides the score, one column of float32 for each; NaN for what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float32]
Measures = Mapping[str, Column]


def no_measures(names: Iterable[str]) -> Measures:
    """Return the columns of no findings."""
    return {name: np.zeros(0, np.float32) for name in names}


def select_measures(measures: Measures, which: npt.NDArray[Any]) -> Measures:
    """Return the rows at a boolean mask or indices."""
    return {name: column[which] for name, column in measures.items()}


def join_measures(parts: Sequence[Measures]) -> Measures:
    """Return the rows of parts that have the same columns, one after the other."""
    first = parts[0] if parts else {}
    if any(part.keys() != first.keys() for part in parts):
        raise ValueError(f"parts with other measures: {[list(part) for part in parts]}")
    return {name: np.concatenate([part[name] for part in parts]) for name in first}


def check_measures(measures: Measures, length: int) -> None:
    """Raise ValueError where a column is not of a length."""
    for name, column in measures.items():
        if column.shape != (length,):
            raise ValueError(f"the measure {name} has the shape {column.shape} and not {(length,)}")
