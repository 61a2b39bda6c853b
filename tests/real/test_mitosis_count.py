"""A slide made of real patches at known places: the densest spot and its counts, from the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from patch_slide import MPP, write_patch_slide

from cytoshift.cli import main
from cytoshift.engine import Findings, Provenance
from cytoshift.mitosis import Window, read_patches
from cytoshift.mitosis.classes import CLASSES
from cytoshift.slides import open_slide
from cytoshift.study.formats import geojson

AREA = 0.05


def test_the_densest_spot_of_known_places_holds_as_many_as_any_window(data: Path, tmp_path: Path) -> None:
    patches = read_patches(data / "mitosis" / "ami-br", "val").select(np.arange(60))
    slide = write_patch_slide(tmp_path / "mitoses.tif", patches, side=2048, seed=0)
    opened = open_slide(slide.file)
    assert opened.mpp == pytest.approx(MPP)
    boxes = np.concatenate([slide.centres - 25, slide.centres + 25], axis=1).astype(np.float32)
    number = len(boxes)
    made = Provenance(opened.info.identity, "known")
    labels = slide.atypical.astype(np.int16)
    known = Findings(boxes, np.ones(number, np.float32), labels, CLASSES, made)
    cells, numbers = geojson.write(tmp_path / "cells.geojson", known), tmp_path / "count.json"
    with pytest.raises(SystemExit) as end:
        main(["count", str(slide.file), "--findings", str(cells), "--area", str(AREA), "--json", str(numbers)])
    assert end.value.code == 0
    told = json.loads(numbers.read_text())

    def inside(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        return (slide.centres >= (x0, y0)).all(axis=1) & (slide.centres <= (x1, y1)).all(axis=1)

    held = inside(*told["box"])
    assert (told["mitoses"], told["atypical"]) == (int(held.sum()), int((held & slide.atypical).sum()))
    width, height = Window(AREA).size(opened.frame)
    best = (0, 0)
    for x in slide.centres[:, 0]:
        for y in slide.centres[:, 1]:
            left, top = min(float(x), 2048 - width), min(float(y), 2048 - height)
            other = inside(left, top, left + width, top + height)
            best = max(best, (int(other.sum()), int((other & slide.atypical).sum())))
    assert (told["mitoses"], told["atypical"]) == best
