"""Detection over a slide: the engine against SAHI and MONAI, against the network alone, and suppression against lsnms.

``python -m benchmarks detect [PART ...]`` with ``sliding``, ``forward`` and ``suppression`` as parts, all by default.
Everything is on one thread for each contestant; the three peers are each in an environment of their own, and take turns
with ours in the same run.

``sliding-sahi``, ``sliding-sahi-cheapest``, ``sliding-monai``, and each with ``-jpeg``
    The field ``slides/ccmct-field-7215x5412.jpg``, cut to 7200 x 5408 px, as a slide: a TIFF of tiles of 512 px, not
    compressed, so that the walk over the slide is what is measured; or JPEG, whose decoding then costs everybody more
    than all the rest, and for which no floor is set.
    From the file to the boxes, in CPU time, with a detector that costs nothing (`benchmarks.detecting.lattice`) and
    windows of 640 px that share 128. It finds the darkest 2 % of its points, 3000 boxes; all have to find the same
    ones (``same``). SAHI is called as it is by default, and without what it may leave out here: the look at the whole
    image, and merging instead of suppressing. MONAI stitches a map of the points.
``forward-rate``
    The starter detector over a square of tiles in the middle of the field, from the file to the findings, against its
    bare forward over the same batches in memory, on one thread: the share of the bare rate that is kept, at least 0.9.
    ``ratio`` is by CPU time of all threads, reading included, which bounds it from below wherever a processor is free;
    ``wall`` is by the clock. ``ours`` and ``peer`` are tiles per CPU second.
``suppression-100000``, ``suppression-1000000``
    Suppression among so many boxes, three around each cell, against lsnms as it is called by default, in CPU time; the
    sets that are kept must be the same.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tifffile
import torch

from benchmarks.alternating import compare
from benchmarks.detecting.forward import Beside
from benchmarks.detecting.lattice import STEP, boxes, dark, fingerprint
from benchmarks.peers.environment import interpreter
from benchmarks.peers.process import Contestant
from cytoshift.slides import open_slide

FIELD = "slides/ccmct-field-7215x5412.jpg"
SIZE = (5408, 7200)
"""Height and width, multiples of the lattice's step."""
DARKEST = 0.02

RIVALS = (("sahi", "find", 5, 10), ("sahi", "find-cheapest", 5, 10), ("monai", "find", 2, 4))
"""A peer, what it is called for, and how much faster ours shall be, and is hoped to be."""
KEPT = 0.9
COUNTS = {100_000: 7, 1_000_000: 3}
"""Boxes to suppress, and rounds."""
SUPPRESSION = (3, 10)

WARM_UP, ROUNDS = 1, 5
ACROSS = 3


def main() -> None:
    """Measure, and print a line for each."""
    parts = sys.argv[2:] or ["sliding", "forward", "suppression"]
    torch.set_num_threads(1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if "sliding" in parts:
            _sliding(_slide(folder / "field.tif", None), stack, "", floors=True)
            _sliding(_slide(folder / "field-jpeg.tif", "jpeg"), stack, "-jpeg", floors=False)
        if "forward" in parts:
            _forward(_slide(folder / "forward.tif", "jpeg"))
        if "suppression" in parts:
            _suppression(stack)


def _sliding(file: Path, stack: ExitStack, kind: str, *, floors: bool) -> None:
    """Compare from the file to the boxes."""
    slide = open_slide(file)
    level = slide.levels[0]
    pixels = slide.read(0, 0, 0, level.height, level.width)
    slide.close()
    below = float(np.quantile(pixels[STEP // 2 :: STEP, STEP // 2 :: STEP, 1], DARKEST))
    truth = fingerprint(boxes(dark(pixels, below)))
    ours = _contestant(stack, None, file=str(file), below=below)
    peers = {name: _contestant(stack, name, file=str(file), below=below) for name in ("sahi", "monai")}
    for name, call, floor, ambition in RIVALS:
        compare(
            f"sliding-{name}{call.removeprefix('find')}{kind}",
            ours.timing("find"),
            peers[name].timing(call),
            floor=floor if floors else None,
            ambition=ambition if floors else None,
            same=ours.tell("find") == truth == peers[name].tell(call),
            warm_up=WARM_UP,
            rounds=ROUNDS,
        )


def _forward(file: Path) -> None:
    """Take turns with the bare network."""
    beside = Beside(file, ACROSS)
    turns = np.array([(beside.pipeline(), beside.bare()) for _ in range(WARM_UP + ROUNDS)])[WARM_UP:]
    wall, cpu = np.median(turns[:, 1] / turns[:, 0], axis=0)
    ours, bare = beside.tiles / np.median(turns[:, :, 1], axis=0)
    line = {"ours": round(ours, 3), "peer": round(bare, 3), "ratio": round(cpu, 3), "wall": round(wall, 3)}
    print(json.dumps({"name": "forward-rate", **line, "floor": KEPT, "holds": bool(cpu >= KEPT)}), flush=True)


def _suppression(stack: ExitStack) -> None:
    """Compare among few and many boxes."""
    ours = stack.enter_context(Contestant.ours("ours_suppressing"))
    peer = stack.enter_context(Contestant(interpreter("lsnms"), "with_lsnms"))
    for contestant in (ours, peer):
        contestant.give(counts=list(COUNTS))
    for count, rounds in COUNTS.items():
        name = str(count)
        compare(
            f"suppression-{name}",
            ours.timing(name),
            peer.timing(name),
            floor=SUPPRESSION[0],
            ambition=SUPPRESSION[1],
            same=ours.tell(name) == peer.tell(name),
            warm_up=WARM_UP,
            rounds=rounds,
        )


def _contestant(stack: ExitStack, peer: str | None, **given: object) -> Contestant:
    made = Contestant.ours("ours_finding") if peer is None else Contestant(interpreter(peer), f"with_{peer}")
    contestant = stack.enter_context(made)
    contestant.give(**given)
    return contestant


def _slide(path: Path, compression: str | None) -> Path:
    """Write the field as a scanner would: in tiles, each a JPEG, or as they are."""
    field = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"), FIELD)
    if not field.is_file():
        sys.exit(
            f"The real image {field.name} is not in {field.parents[1]}; set CYTOSHIFT_DATA to the folder that has it."
        )
    slide = open_slide(field)
    pixels = slide.read(0, 0, 0, *SIZE)
    slide.close()
    level = {"level": 90} if compression else None
    tifffile.imwrite(path, pixels, tile=(512, 512), photometric="rgb", compression=compression, compressionargs=level)
    return path
