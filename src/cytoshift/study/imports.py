"""Cells that came in from a file together: what the log keeps of them, and what a file called them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.engine.outlines import Outlines

if TYPE_CHECKING:
    from cytoshift.study.formats.annotations import Annotations

Imports = Mapping[str, "Imported"]
"""Imported cells by the id of the event that brought them in."""


Edits = Mapping[str, Mapping[str, Any]]
"""What a file says otherwise of cells that were there already: ``label``, ``box``, or both, by cell."""


class Imported(NamedTuple):
    """The cells of one import, as they came.

    Parameters
    ----------
    findings : Findings
        Boxes, scores, classes and measures.
    states : ndarray of uint8, shape (n,)
        Values of `State`.
    """

    findings: Findings
    states: npt.NDArray[np.uint8]


class Packed(NamedTuple):
    """Cells to be stored: what predictions have, too, and the columns of a run that only imported cells fill."""

    findings: Findings
    columns: Mapping[str, bytes | None]


class Names(NamedTuple):
    """What a file called the cells of one import; ``given`` is empty where every id is one for the whole world."""

    ids: tuple[str, ...]
    given: tuple[str, ...]


def payload_of(cells: Annotations, source: str, edits: Edits) -> dict[str, Any]:
    """Return what the event of an import carries: where from, how many, the file's colours, regions, and edits."""
    regions = [
        {
            "id": region.id,
            "box": list(region.box),
            "run": region.run,
            "threshold": region.threshold,
            "thresholds": dict(region.thresholds),
        }
        for region in cells.regions
    ]
    colors = {name: list(color) for name, color in zip(cells.classes, cells.colors, strict=True)}
    said = {"edits": dict(edits)} if edits else {}
    return {"source": source, "cells": len(cells), "colors": colors, "regions": regions, **said}


def packed_cells(cells: Annotations, slide: str, source: str) -> Packed:
    """Return imported cells as the log stores them; of a million this takes a second."""
    made, outlines = Provenance(slide, f"import {source}"), cells.outlines
    columns = {
        "states": cells.states.tobytes(),
        "names": packed(Names(cells.ids, cells.given)),
        "corners": np.diff(outlines.starts).astype("<i4").tobytes() if outlines else None,
        "outlines": outlines.points.astype("<f4").tobytes() if outlines else None,
    }
    return Packed(Findings(cells.boxes, cells.scores, cells.labels, cells.classes, made, cells.measures), columns)


def outlines_of(corners: bytes | None, points: bytes | None, cells: int) -> Outlines:
    """Read the outlines that `packed_cells` wrote."""
    if corners is None or points is None:
        return Outlines.none(cells)
    starts = np.concatenate([[0], np.cumsum(np.frombuffer(corners, "<i4"), dtype=np.int64)])
    return Outlines(np.frombuffer(points, "<f4").astype(np.float32, copy=False).reshape(-1, 2), starts)


def packed(names: Names) -> bytes:
    """Return names as one compressed text: ids one a line, and what was given behind a tab where there is anything."""
    lines = ["\t".join(pair) for pair in zip(names.ids, names.given, strict=True)] if names.given else names.ids
    return zlib.compress("\n".join(lines).encode(), 1)


def unpacked(blob: bytes) -> Names:
    """Read what `packed` wrote."""
    text = zlib.decompress(blob).decode()
    lines = text.split("\n") if text else []
    pairs = [line.partition("\t") for line in lines]
    given = tuple([behind for _, _, behind in pairs]) if "\t" in text else ()
    return Names(tuple([before for before, _, _ in pairs]) if given else tuple(lines), given)
