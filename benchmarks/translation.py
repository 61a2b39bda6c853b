"""SC-UNSB over a slide, against the same generator tile by tile with plain instance norm.

``python -m benchmarks translation [MODEL [IMAGE]]``: MODEL is the folder of a translator; without one the generator is
one of 8 channels and two blocks, drawn at random, over tiles of 256 px. IMAGE is a real image, by default
``slides/ccmct-field-7215x5412.jpg``; its lower right 2048 x 2048 px (or the largest power of two that it has) are used,
taken to be at the model's µm/px. Plain tiles run with our own instance norm, which is faster than torch's. All is on
one thread.

``evaluations-per-tile``
    How often the generator runs for each tile in a run over the image with one step: at most 2.1 times as often as for
    plain tiles, which is once.
``seconds-per-evaluation``
    CPU time of a whole run, reading included, by the number of evaluations: at most 1.25 times that of plain tiles.
``batches-of-four``
    CPU time per tile in batches of four, against one by one (``peer``): the ratio is how much faster, at least 1, to
    two digits.
``seams``
    Mean step across tile borders over the mean step elsewhere (`cytoshift.metrics.seam_ratio`): at most 1.02; that of
    plain tiles (``peer``) and that of the image itself (``untouched``) beside it.
``memory-one-step``, ``memory-two-steps``
    Peak resident memory, in MiB, of a process that translates the first 4 rows of tiles of a slide of 100,000 x 100,000
    px, and the first 12 of one of 20,000 x 20,000 px (``peer``), within 5 % of each other. A drawn field of 2048 px
    that repeats, tiles of 256 px, a generator of 4 channels and one block; two steps also keep the states in between,
    which fill what they may have in memory before the second row of the large slide, and before the ninth of the small
    one, is done. Pixels are thrown away, as if written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.translating.repeated import RepeatedSlide
from benchmarks.translating.runs import built, counted, narrow, of_model, seconds, translated
from cytoshift.engine import ImageOperator
from cytoshift.metrics import seam_ratio
from cytoshift.slides import open_slide
from cytoshift.slides.slide import Slide
from cytoshift.translation import PlainTiles, Translator

IMAGE = "slides/ccmct-field-7215x5412.jpg"
SIDE = 2048

EVALUATIONS, PER_EVALUATION, BATCHES, SEAMS, MEMORY = 2.1, 1.25, 1.0, 1.02, 0.05

WARM_UP, ROUNDS, BATCH_ROUNDS = 1, 5, 12

SIZES = {100_000: 4, 20_000: 12}
"""Sides of the slides, and how many rows of tiles are translated."""


def main() -> None:
    """Measure, and print a line for each."""
    torch.set_num_threads(1)
    parts = of_model(Path(sys.argv[2])) if len(sys.argv) > 2 else narrow()
    image = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"), IMAGE)
    if not image.is_file():
        sys.exit(f"The image {image.name} is not there; set CYTOSHIFT_DATA to the folder of real images, or name one.")
    slide = _corner(image, float(str(parts["mpp"])))
    name = str(parts["title"]) if len(sys.argv) > 2 else "random, 8 channels, 2 blocks"
    _speed(slide, parts, name)
    _batches(slide, parts, name)
    _seams(slide, parts, name)
    for steps, words in ((1, "one-step"), (2, "two-steps")):
        _memory(steps, words)


def _speed(slide: Slide, parts: dict[str, object], name: str) -> None:
    """Take turns; every round prepares anew, so that nothing is known of the slide."""
    spent, runs = np.zeros((WARM_UP + ROUNDS, 2)), np.zeros(2)
    operators = [built(kind, parts) for kind in (Translator, PlainTiles)]
    for turn in range(WARM_UP + ROUNDS):
        for which, operator in enumerate(operators):
            with counted(operator) as windows:
                spent[turn, which] = seconds(operator, slide)
            runs[which] = sum(windows)
    tiles = runs[1]
    _print("evaluations-per-tile", runs[0] / tiles, runs[1] / tiles, EVALUATIONS, generator=name)
    each = spent[WARM_UP:] / runs
    ratio = float(np.median(each[:, 0] / each[:, 1]))
    mine, theirs = np.median(each, axis=0)
    _print("seconds-per-evaluation", mine, theirs, PER_EVALUATION, ratio=ratio, generator=name)


def _batches(slide: Slide, parts: dict[str, object], name: str) -> None:
    four, one = (built(Translator, parts, batch=batch) for batch in (4, 1))
    pairs = np.array([_turn(four, one, slide, turn) for turn in range(WARM_UP + BATCH_ROUNDS)])[WARM_UP:]
    tiles = len(four.prepare(slide)._chain.grid)  # type: ignore[union-attr]
    mine, theirs = np.median(pairs, axis=0) / tiles
    ratio = float(np.median(pairs[:, 1] / pairs[:, 0]))
    _line("batches-of-four", mine, theirs, ratio, round(ratio, 2) >= BATCHES, floor=BATCHES, generator=name)


def _turn(first: ImageOperator, second: ImageOperator, slide: Slide, turn: int) -> tuple[float, float]:
    """Run both, every other turn the second one first, since what runs later finds the processor warmer."""
    if turn % 2:
        later = seconds(second, slide)
        return seconds(first, slide), later
    return seconds(first, slide), seconds(second, slide)


def _seams(slide: Slide, parts: dict[str, object], name: str) -> None:
    ours, plain = (built(kind, parts) for kind in (Translator, PlainTiles))
    tile, level = ours.needs.tile, slide.levels[0]
    mine, theirs = (seam_ratio(translated(operator, slide), tile) for operator in (ours, plain))
    untouched = round(seam_ratio(slide.read(0, 0, 0, level.height, level.width), tile), 4)
    _line("seams", mine, theirs, mine / theirs, mine <= SEAMS, limit=SEAMS, untouched=untouched, generator=name)


def _memory(steps: int, words: str) -> None:
    """Let a process translate each of the two slides."""
    command = [sys.executable, "-m", "benchmarks.translating.memory"]
    large, small = (
        float(subprocess.run([*command, *map(str, (side, rows, steps))], capture_output=True, check=True).stdout)
        for side, rows in SIZES.items()
    )
    ratio = large / small
    _line(f"memory-{words}", large, small, ratio, abs(ratio - 1) <= MEMORY, limit=1 + MEMORY)


def _print(name: str, ours: float, peer: float, limit: float, *, ratio: float | None = None, **more: object) -> None:
    """Print a measurement of which less is better."""
    ratio = ours / peer if ratio is None else ratio
    _line(name, ours, peer, ratio, ratio <= limit, limit=limit, **more)


def _line(name: str, ours: float, peer: float, ratio: float, holds: bool, **more: object) -> None:
    numbers = {"ours": round(float(ours), 4), "peer": round(float(peer), 4), "ratio": round(ratio, 3)}
    print(json.dumps({"name": name, **numbers, "holds": bool(holds), **more}), flush=True)


def _corner(image: Path, mpp: float) -> Slide:
    """Return the corner of an image as a slide of its own: a square whose side is a power of two."""
    slide = open_slide(image)
    level = slide.levels[0]
    side = min(SIDE, 1 << min(level.height, level.width).bit_length() - 1)
    pixels = slide.read(0, level.height - side, level.width - side, side, side)
    slide.close()
    return RepeatedSlide(pixels, side, mpp)
