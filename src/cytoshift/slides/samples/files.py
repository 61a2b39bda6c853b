"""Samples on disk: a whole slide streamed tile by tile, with its truth beside the pixels."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from cytoshift.errors import SlideError
from cytoshift.slides.ome_zarr import PyramidWriter
from cytoshift.slides.samples.kinds import CLASSES, MPP, OBJECTIVE
from cytoshift.slides.samples.render import render_tile
from cytoshift.slides.samples.scene import FIELD, Scene, Truth
from cytoshift.slides.samples.stain import STYLES, StyleName
from cytoshift.slides.slide import TILE

GENERATOR = 3
"""Version of the drawing: raised whenever the same seed draws other pixels, so that cached samples are drawn again."""

TRUTH_FILE = "cells.geojson"
LARGEST = 100_000


def draw(
    path: str | Path,
    *,
    width: int,
    height: int,
    style: StyleName = "home",
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw a Pap-like slide as OME-Zarr, tile by tile, with the truth in a GeoJSON file inside it.

    Parameters
    ----------
    path : str or Path
        The folder to make; must not exist.
    width, height : int
        Size in pixels at 0.25 µm/px, at most 100,000 a side.
    style : {"home", "away"}
        Stain and scanner; the cells are the same.
    seed : int
        Another seed is another patient.
    report : callable, optional
        Called with the tiles done and their total.

    Returns
    -------
    Path
        Where the slide is.

    Raises
    ------
    SlideError
        When the path exists or cannot be written, or the size or style is none that can be drawn.
    """
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise SlideError(f"A sample of {width} x {height} px cannot be drawn; ask for 1 to {LARGEST} px a side.")
    if style not in STYLES:
        raise SlideError(f"There is no sample style {style!r}; choose {' or '.join(STYLES)}.")
    scene, name = Scene(seed), f"Pap smear {seed}, {style}"
    writer = PyramidWriter(path, height, width, mpp_yx=(MPP, MPP), objective=OBJECTIVE, name=name)
    rows, columns = -(-height // TILE), -(-width // TILE)
    total = rows * columns + writer.coarse_tiles

    def tile(row: int, column: int) -> None:
        y, x = row * TILE, column * TILE
        if scene.scanned(y // FIELD, x // FIELD):
            writer.write(y, x, render_tile(scene, y, x, min(TILE, height - y), min(TILE, width - x), style))

    try:
        with ThreadPoolExecutor(max(1, min(8, os.cpu_count() or 1))) as pool:
            for row in range(rows):
                for column, _ in enumerate(pool.map(partial(tile, row), range(columns))):
                    if report is not None:
                        report(row * columns + column + 1, total)
        _write_truth(writer.folder / TRUTH_FILE, scene.truth(height, width))
        return writer.close(report and (lambda done, _: report(rows * columns + done, total)))
    except BaseException:
        writer.discard()
        raise


def _write_truth(path: Path, truth: Truth) -> None:
    features = []
    for (x0, y0, x1, y1), label in zip(truth.boxes.tolist(), truth.labels.tolist(), strict=True):
        ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
        properties = {"objectType": "annotation", "classification": {"name": truth.classes[label]}}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def truth(path: str | Path) -> Truth:
    """Read the labelled cells of a sample.

    Raises
    ------
    SlideError
        When the slide is no sample.
    """
    try:
        features: list[dict[str, Any]] = json.loads((Path(path) / TRUTH_FILE).read_text("utf-8"))["features"]
    except (OSError, ValueError, KeyError) as error:
        raise SlideError(f"{path} has no known cells; only samples that were drawn here have them.") from error
    rings = [feature["geometry"]["coordinates"][0] for feature in features]
    labels = [CLASSES.index(feature["properties"]["classification"]["name"]) for feature in features]
    boxes = [[*ring[0], *ring[2]] for ring in rings]
    return Truth(np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int16), CLASSES)


def cached(style: StyleName = "home", size: int = 4096, report: Callable[[int, int], None] | None = None) -> Path:
    """Return the sample slide of a style, drawn into the user's cache folder the first time.

    Parameters
    ----------
    style : {"home", "away"}
        Stain and scanner.
    size : int
        Side in pixels.
    report : callable, optional
        Called with the tiles done and their total while it is drawn.
    """
    folder = user_cache_path("cytoshift", appauthor=False) / "samples"
    path = folder / f"pap-{style}-{size}-v{GENERATOR}.ome.zarr"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    # Under a name of this process's own, so that two that start at once do not write into one another's file.
    mine = draw(folder / f"{os.getpid()}-{path.name}", width=size, height=size, style=style, report=report)
    try:
        mine.rename(path)
    except OSError:  # the other one was first
        shutil.rmtree(mine)
    return path
