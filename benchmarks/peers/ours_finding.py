"""Our engine with a detector that costs nothing, through the entry that everyone uses, from the file on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.detecting.lattice import OVERLAP, STEP, WINDOW, boxes, dark, fingerprint
from benchmarks.peers.worker import Calls
from cytoshift.engine import FindingOperator, Findings, Needs, TileBoxes, run_findings
from cytoshift.slides import TileCache, open_slide

RGB = npt.NDArray[np.uint8]

MPP = 0.25


class Lattice(FindingOperator):
    """Dark points of the lattice."""

    key = "lattice"
    title = "Lattice"
    classes = ("dark",)
    model = ("lattice", "1")
    threshold = 0.5
    needs = Needs(mpp=MPP, tile=WINDOW - OVERLAP, halo=OVERLAP // 2, alignment=STEP, batch=8)

    def __init__(self, below: float) -> None:
        self._below = below

    def find(self, tiles: RGB) -> Sequence[TileBoxes]:
        """Look at every 16th pixel."""
        return [self._one(boxes(dark(tile, self._below))) for tile in tiles]

    def _one(self, found: npt.NDArray[np.float32]) -> TileBoxes:
        return TileBoxes(found, np.ones(len(found), np.float32), np.zeros(len(found), np.int16))


def given(file: str, below: float) -> tuple[Calls, Calls]:
    """Open the slide anew in every call: no tile of it is at hand."""

    def found() -> Findings:
        slide = open_slide(file, cache=TileCache(256 << 20))
        findings = run_findings(slide.calibrated((MPP, MPP)), Lattice(below))
        slide.close()
        return findings

    return {"find": found}, {"find": lambda: fingerprint(found().boxes)}
