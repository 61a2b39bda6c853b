"""Classes of one data set in the names of another: Bethesda's six, low and high grade, abnormal, or just cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cytoshift.errors import DataError
from cytoshift.training.coco import CocoSet, Field

IGNORED, DROPPED = "ignore", "none"

_LOW, _HIGH = ("ASC-US", "LSIL"), ("ASC-H", "HSIL", "SCC")
_ABNORMAL = (*_LOW, *_HIGH)

CLASS_MAPS: dict[str, dict[str, str]] = {
    "bethesda": {},
    "grade": {"NILM": "normal"} | dict.fromkeys(_LOW, "low grade") | dict.fromkeys(_HIGH, "high grade"),
    "abnormal": {"NILM": "normal"} | dict.fromkeys(_ABNORMAL, "abnormal"),
    "cell": dict.fromkeys(("NILM", *_ABNORMAL), "cell"),
}
"""Names for Bethesda's classes. Under ``grade`` ASC-H counts as high: it is read as "cannot exclude HSIL"."""


def in_names(data: CocoSet, names: str | Mapping[str, str]) -> CocoSet:
    """Return a data set with its classes renamed and merged.

    Parameters
    ----------
    data : CocoSet
    names : str or mapping
        One of `CLASS_MAPS`, or a name for each class: `IGNORED` makes cells places that count neither way, `DROPPED`
        leaves them out, so that they are background. Classes that are not named keep their name in a table of one's
        own; a map by name must know every class that occurs.

    Raises
    ------
    DataError
        The map does not know a class of the data, or the table names one that is not there.
    """
    table = CLASS_MAPS[names] if isinstance(names, str) else dict(names)
    if not table:
        return data
    _check(data, names, table)
    renamed = [table.get(name, name) for name in data.classes]
    classes = tuple(dict.fromkeys(name for name in renamed if name not in (IGNORED, DROPPED)))
    index = {name: place for place, name in enumerate(classes)}
    numbers = np.array([index.get(name, -1 if name == IGNORED else -2) for name in renamed], np.int64)
    return replace(data, classes=classes, fields=tuple(_relabelled(field, numbers) for field in data.fields))


def _check(data: CocoSet, names: str | Mapping[str, str], table: Mapping[str, str]) -> None:
    used = {data.classes[label] for field in data.fields for label in field.labels}
    if isinstance(names, str):
        strange = sorted(used - set(table) - set(table.values()))
        if strange:
            raise DataError(
                f"{data.name} has cells of class {', '.join(strange)}, which the classes '{names}' have no name for;"
                " write a table [data.classes] that names each."
            )
    else:
        missing = sorted(set(table) - set(data.classes))
        if missing:
            raise DataError(
                f"{data.name} has no class {', '.join(missing)}; its classes are {', '.join(data.classes)}."
            )


def _relabelled(field: Field, numbers: np.ndarray) -> Field:
    labels = numbers[field.labels]
    return replace(
        field,
        boxes=field.boxes[labels >= 0],
        labels=labels[labels >= 0],
        ignored=np.concatenate([field.ignored, field.boxes[labels == -1]]),
    )
