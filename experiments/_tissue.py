"""Real H&E with hardly a mitosis in it, at 0.25 µm/px: left halves to learn from, right halves to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from cytoshift.engine import FindingOperator, run_findings
from cytoshift.engine.operator import Needs
from cytoshift.engine.view import View
from cytoshift.slides import open_slide
from cytoshift.training.coco import data_folder
from cytoshift.training.midog import MITOSIS

RGB = npt.NDArray[np.uint8]
Half = Literal["left", "right"]

MPP = 0.25
TILE = 1024
GLASS = 225
"""Mean of the channels from which on a pixel is glass."""

LEAST_TISSUE = 0.15
"""Share of a tile that is not glass, from which on it is taken."""


@dataclass(frozen=True, slots=True)
class Section:
    """A picture of tissue: its file, its µm/px, and at most how many tiles of it are learnt from.

    Where the file says nothing, µm/px are judged by the nuclei: those of ductal epithelium and of lymphocytes are about
    7 µm wide, those of carcinoma 10 to 12.
    """

    file: str
    mpp: float
    most: int = 100


SECTIONS = (
    Section("slides/cmu-1-small-region.svs", 0.499),
    Section("slides/tcga-cr-7395.svs", 1.0, most=5),
    Section("stain/macenko-golden/example1.png", 0.22),
    Section("stain/macenko-golden/example2.png", 0.22),
    Section("stain/torchstain-pair/source.png", 0.7),
    Section("stain/torchstain-pair/target.png", 0.8),
)


def half(section: Section, which: Half) -> Iterator[RGB]:
    """Yield tiles of one half of a section at `MPP`, in rows, those with enough tissue in them."""
    with closing(open_slide(data_folder() / section.file)) as opened:
        view = View.of(opened.calibrated((section.mpp, section.mpp)), Needs(mpp=MPP))
        height, width = view.level.height, view.level.width
        first, last = (0, width // 2) if which == "left" else (width // 2, width)
        rows, columns = (max(1, round(length / TILE)) for length in (height, last - first))
        ys, xs = (np.linspace(a, b, n + 1).astype(int) for a, b, n in ((0, height, rows), (first, last, columns)))
        for y0, y1 in pairwise(ys.tolist()):
            for x0, x1 in pairwise(xs.tolist()):
                tile = view.read(y0, x0, y1 - y0, x1 - x0)
                if _is_tissue(tile).mean() >= LEAST_TISSUE:
                    yield np.ascontiguousarray(tile)


def write_half(folder: Path, which: Half, *, seed: int = 0) -> None:
    """Write the tiles of one half of every section as pictures, drawn by the seed where there are too many."""
    folder.mkdir(parents=True, exist_ok=True)
    for section in SECTIONS:
        tiles = list(half(section, which))
        chosen = np.sort(np.random.default_rng(seed).permutation(len(tiles))[: section.most])
        for place in chosen:
            Image.fromarray(tiles[place]).save(folder / f"{Path(section.file).stem}-{place:03d}.png")


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a detector calls a mitosis in tissue that has hardly one: scores, and mm² of tissue searched."""

    scores: npt.NDArray[np.float32]
    area_mm2: float

    def per_mm2(self, threshold: float) -> float:
        """Return how many reach a threshold, per mm²."""
        return float((self.scores >= threshold).sum() / self.area_mm2)


def alarms(detector: FindingOperator, folder: Path) -> dict[str, Alarms]:
    """Return the alarms of a detector, with threshold 0 or little more, in the tiles that `write_half` wrote.

    Returns
    -------
    dict of str to Alarms
        By the name of a section.
    """
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    areas: dict[str, float] = {}
    for file in sorted(folder.glob("*.png")):
        name = file.stem.rpartition("-")[0]
        with closing(open_slide(file)) as opened:
            seen = run_findings(opened.calibrated((MPP, MPP)), detector)
            level = opened.levels[0]
            pixels = opened.read(0, 0, 0, level.height, level.width)
        mitoses = seen.labels == seen.classes.index(MITOSIS)
        found.setdefault(name, []).append(seen.scores[mitoses])
        areas[name] = areas.get(name, 0) + float(_is_tissue(pixels).sum()) * (MPP / 1000) ** 2
    return {name: Alarms(np.concatenate(scores), areas[name]) for name, scores in found.items()}


def _is_tissue(pixels: RGB) -> npt.NDArray[np.bool_]:
    return np.asarray(pixels.mean(axis=-1) < GLASS)
