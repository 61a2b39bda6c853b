"""A million features into a study and out again: seconds of processor time, and the most memory that it took.

A file as QuPath writes it, with a UUID, a polygon, a class with its colour and two measurements for each cell, is drawn
from a seed. Each step runs in the same new process, so the memory is that of everything up to the step.

``import-read``
    From the file to its cells.
``import-preview``
    What the file would add to a study.
``import-add``
    Adding it as one event, which is on the disk then.
``import-undo``
    Taking it back, and the cells without it.
``export-write``
    From the study to a GeoJSON file, with the ids that the cells came with.

python -m benchmarks exchange [NUMBER]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cytoshift.study import Study
    from cytoshift.study.formats.picture import Picture

NUMBER = 1_000_000
SIDE = 100_000
SOON, ROOM = 60.0, 1.0
"""Seconds that all of an import may take, and gigabytes."""


def main() -> None:
    """Measure and print."""
    number = int(sys.argv[2]) if len(sys.argv) > 2 else NUMBER
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "cells.geojson", number)
        measure(folder, number)


def draw(file: Path, number: int) -> None:
    """Write triangles at random places of a slide."""
    rng = np.random.default_rng(0)
    with file.open("w") as out:
        out.write('{"type": "FeatureCollection", "features": [')
        for at, (x, y) in enumerate(rng.uniform(0, SIDE - 60, (number, 2)).round(2).tolist()):
            feature = {
                "type": "Feature",
                "id": str(uuid.UUID(bytes=rng.bytes(16))),
                "geometry": {"type": "Polygon", "coordinates": [[[x, y], [x + 60, y], [x + 30, y + 60], [x, y]]]},
                "properties": {
                    "objectType": "detection",
                    "classification": {"name": ("NILM", "LSIL", "HSIL")[at % 3], "color": [200, 0, at % 3]},
                    "measurements": {"score": 0.5, "Nucleus: Area µm²": 33.25},
                },
            }
            out.write(f"{',' if at else ''}\n{json.dumps(feature, ensure_ascii=False)}")
        out.write("\n]}\n")


def measure(folder: Path, number: int) -> None:
    """Bring the file in, take it back, bring it in again and write it."""
    from cytoshift.study import Study, exchange
    from cytoshift.study.formats import registry
    from cytoshift.study.formats.picture import Picture

    picture = Picture("drawn.tif", SIDE, SIDE)
    with Study.create(folder / "study") as study:
        slide = study.add_slide(_Named())  # type: ignore[arg-type]
        start = time.process_time()
        read = _timed("import-read", number, lambda: registry.read(folder / "cells.geojson", picture))
        seen = _timed("import-preview", number, lambda: exchange.preview(study, slide, picture, read, "cells.geojson"))
        _timed("import-add", number, lambda: exchange.add(study, seen))
        took, room = time.process_time() - start, _gigabytes()
        line: dict[str, Any] = {"name": "import", "ours": took, "gigabytes": room, "floor": SOON, "ambition": SOON / 2}
        print(json.dumps({**line, "holds": took <= SOON and room <= ROOM}))
        _timed("import-undo", number, lambda: _undo(study, slide))
        study.redo(slide)
        _timed("export-write", number, lambda: _write(study, slide, folder / "out.geojson", picture))


class _Named:
    """As much of a slide as a study keeps of it."""

    def __init__(self) -> None:
        from cytoshift.slides.slide import SlideInfo

        self.info = SlideInfo("drawn.tif", "drawn", "none", path="/drawn.tif")


def _undo(study: Study, slide: str) -> None:
    study.undo(slide)
    assert len(study.cells(slide)) == 0


def _write(study: Study, slide: str, file: Path, picture: Picture) -> None:
    from cytoshift.study import exchange
    from cytoshift.study.formats import registry

    registry.write(file, exchange.outgoing(study, slide), picture)


def _timed(name: str, number: int, step: Callable[[], Any]) -> Any:
    start = time.process_time()
    made = step()
    line = {"name": name, "ours": time.process_time() - start, "gigabytes": _gigabytes(), "cells": number}
    print(json.dumps(line), flush=True)
    return made


def _gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
