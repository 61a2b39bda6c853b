"""A whole slide of 100,000 x 100,000 px with known cells: what is found, in what memory, and after an interruption.

``python -m benchmarks whole_slide [ISLANDS]``: the starter detector searches the tissue of a slide that is glass but
for ISLANDS drawn smears of 2048 px (16 by default), twice: once undisturbed, and once cancelled when half of its tiles
are done and then gone on with, from the journal. On one thread.

``whole-slide-found``
    ``recall`` and ``precision`` at an IoU of 0.5, cells of any class, one to one, the best score first; ``named`` is
    the share of the matched cells whose class is right. Cells within 64 px of an island's edge count neither way: they
    are cut. ``glass`` is the number of findings beside all islands. ``tiles`` were searched of ``of`` that there are.
``whole-slide-memory``
    The most memory this process had, in MiB: at most 4096.
``whole-slide-resumed``
    Whether the interrupted run has the same boxes, scores and classes, to the bit; ``cancelled`` is the number of tiles
    that were done then.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree

from benchmarks.detecting.islands import SIDE, Islands
from benchmarks.translating.memory import peak
from cytoshift.engine import CancelToken, FindingOperator, Findings, Progress, run_findings
from cytoshift.errors import Cancelled
from cytoshift.models import Registry, build_operator
from cytoshift.slides.samples import Truth
from cytoshift.slides.tissue import Tissue, find_tissue

ISLANDS = 16
CUT = 64
IOU = 0.5
MEMORY = 4096


class Halfway:
    """A report that keeps count, and cancels once half is done if it shall."""

    def __init__(self, *, cancels: bool) -> None:
        self.token, self.progress = CancelToken(), Progress(0, 0, 0.0, None)
        self._cancels = cancels

    def __call__(self, progress: Progress) -> None:
        self.progress = progress
        if self._cancels and 2 * progress.done >= progress.total:
            self.token.cancel()


def main() -> None:
    """Search twice, and print a line for each."""
    torch.set_num_threads(1)
    slide = Islands(int(sys.argv[2]) if len(sys.argv) > 2 else ISLANDS)
    operator = build_operator(Registry().find("starter", "detector"))
    assert isinstance(operator, FindingOperator)
    tissue, undisturbed = find_tissue(slide), Halfway(cancels=False)
    start = time.perf_counter()
    found = run_findings(slide, operator, tissue=tissue, report=undisturbed)
    seconds = time.perf_counter() - start
    side = operator.needs.tile * (operator.needs.mpp or 0.25) / 0.25
    tiles = {"tiles": undisturbed.progress.total, "of": int(-(-SIDE // side)) ** 2}
    judged = judge(found, slide.truth(), slide)
    _line("whole-slide-found", **judged, **tiles, side=SIDE, seconds=round(seconds, 1))
    with tempfile.TemporaryDirectory() as folder:
        again, done = interrupted(slide, operator, tissue, Path(folder) / "journal")
    _line("whole-slide-memory", peak=round(peak()), limit=MEMORY, holds=peak() <= MEMORY)
    _line("whole-slide-resumed", cancelled=done, of=undisturbed.progress.total, holds=same(found, again))


def interrupted(slide: Islands, operator: FindingOperator, tissue: Tissue, journal: Path) -> tuple[Findings, int]:
    """Cancel half way and go on; returns the findings, and how many tiles were done in between."""
    half = Halfway(cancels=True)
    try:
        run_findings(slide, operator, tissue=tissue, journal=journal, report=half, cancel=half.token)
    except Cancelled:
        return run_findings(slide, operator, tissue=tissue, journal=journal), half.progress.done
    sys.exit("The run was over before it could be cancelled; search more islands.")


def judge(found: Findings, truth: Truth, slide: Islands) -> dict[str, object]:
    """Match one to one; returns recall, precision, the share of right classes, and counts."""
    cell_of = match(found, truth)
    depth = slide.depth(_middle(found.boxes))
    counted = depth >= CUT
    counted |= depth < -CUT
    cells = np.flatnonzero(slide.depth(_middle(truth.boxes)) >= CUT)
    hits = cell_of >= 0
    right = truth.labels[cell_of[hits]] == found.labels[hits]
    return {
        "recall": round(float(np.isin(cells, cell_of[hits]).mean()), 4),
        "precision": round(float(hits[counted].mean()), 4),
        "named": round(float(right.mean()), 4),
        "cells": len(cells),
        "found": int(counted.sum()),
        "glass": int((depth < -CUT).sum()),
    }


def match(found: Findings, truth: Truth) -> npt.NDArray[np.int64]:
    """Return the cell of each finding, -1 for none: the one it overlaps best of those no better score has taken."""
    tree = cKDTree(_middle(truth.boxes))
    reach = float((truth.boxes[:, 2:] - truth.boxes[:, :2]).max())
    near = tree.query_ball_point(_middle(found.boxes), reach)
    cell_of, taken = np.full(len(found), -1), np.zeros(len(truth.boxes), np.bool_)
    for which in np.argsort(-found.scores, kind="stable"):
        cells = np.array([cell for cell in near[which] if not taken[cell]], np.int64)
        overlaps = _overlaps(found.boxes[which], truth.boxes[cells])
        if len(cells) and overlaps.max() >= IOU:
            cell_of[which] = cells[overlaps.argmax()]
            taken[cell_of[which]] = True
    return cell_of


def same(one: Findings, other: Findings) -> bool:
    """Tell whether two runs found the same, to the bit."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("boxes", "scores", "labels"))


def _overlaps(box: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    inner = np.clip(sides, 0, None).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - inner
    overlaps: npt.NDArray[np.float32] = inner / union
    return overlaps


def _middle(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    middle: npt.NDArray[np.float32] = (boxes[:, :2] + boxes[:, 2:]) / 2
    return middle


def _line(name: str, **measured: object) -> None:
    print(json.dumps({"name": name, **measured}), flush=True)
