"""Whether one click gives the nucleus: the snap against 50 nuclei that were outlined by hand (``nuclei.json``).

``python -m experiments snap [--images FOLDER]``, with ``cervical/cric-scanner-b`` for the second scanner.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from shapely import Point, Polygon

from cytoshift.slides import open_slide
from cytoshift.slides.nucleus import NoNucleus, nucleus_at
from cytoshift.training.coco import data_folder

NUCLEI = Path(__file__).with_name("nuclei.json")
MPP = 0.25
"""Nominal for 40x: the fields carry no µm/px."""

LEAST = 0.5
"""IoU of the two outlines from which a click is a hit; the box must hold the centre of the nucleus, too."""


def main(arguments: list[str]) -> None:
    """Click on the labelled points, and on points drawn inside the nuclei; print one JSON line for each."""
    parser = argparse.ArgumentParser(prog="python -m experiments snap", description=__doc__)
    parser.add_argument("--images", default="cervical/cric", help="folder of the fields below the data")
    parser.add_argument("--clicks", type=int, default=5, help="points drawn inside each nucleus")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    cells = json.loads(NUCLEI.read_text(encoding="utf-8"))["cells"]
    rng = np.random.default_rng(options.seed)
    labelled, drawn = [], []
    for cell in cells:
        slide = open_slide(data_folder() / options.images / cell["image"]).calibrated((MPP, MPP), 40)
        nucleus = Polygon(cell["outline"])
        labelled.append(_click(slide, nucleus, *cell["point"]))
        drawn += [_click(slide, nucleus, *_inside(nucleus, rng)) for _ in range(options.clicks)]
    for name, clicks in (("labelled points", labelled), ("points inside", drawn)):
        print(json.dumps({"images": options.images, "clicks": name, "seed": options.seed, **_summary(clicks)}))


def _click(slide, nucleus: Polygon, x: float, y: float) -> tuple[float | None, bool]:
    """Return IoU, None where nothing was found, and whether the box holds the centre of the nucleus."""
    found = nucleus_at(slide, x, y)
    if isinstance(found, NoNucleus):
        return None, False
    outline = Polygon(found.outline).buffer(0)
    x0, y0, x1, y1 = found.box
    center = nucleus.centroid
    iou = outline.intersection(nucleus).area / outline.union(nucleus).area
    return iou, x0 <= center.x <= x1 and y0 <= center.y <= y1


def _inside(nucleus: Polygon, rng: np.random.Generator) -> tuple[float, float]:
    x0, y0, x1, y1 = nucleus.bounds
    while True:
        x, y = float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1))
        if nucleus.contains(Point(x, y)):
            return x, y


def _summary(clicks: list[tuple[float | None, bool]]) -> dict[str, float]:
    ious = np.array([iou or 0.0 for iou, _ in clicks])
    held = np.array([holds for _, holds in clicks])
    return {
        "number": len(clicks),
        "hits": round(float(((ious >= LEAST) & held).mean()), 3),
        "overlap": round(float((ious > 0).mean()), 3),
        "box_holds_center": round(float(held.mean()), 3),
        "nothing_found": round(float(np.mean([iou is None for iou, _ in clicks])), 3),
        "median_iou": round(float(np.median(ious)), 3),
    }
