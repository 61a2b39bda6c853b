"""Stain normalization, against torchstain and tiatoolbox, each in an environment of its own.

Three processes, one per contestant, each on one thread, hold the same image and the same target in memory and take
turns. The image is real H&E: 1024 x 1024 from the middle of ``slides/tcga-cr-7395.svs``, 4096 x 4096 from the lower
right corner of ``slides/ccmct-field-7215x5412.jpg``; the target is ``stain/torchstain-pair/target.png``, measured once
by everyone. CPU time is compared.

What is compared:

``macenko-apply``
    One image with the slide's fit at hand, as tiles are shown and written, against torchstain's ``normalize``, which
    knows no such thing: it fits every image it is given.
``macenko-fit-apply``, ``vahadane-fit-apply``
    Like for like: an image that was never seen before, from its pixels to the normalized pixels. Ours finds the tissue
    and the white point too, through the same entry as for a slide, the making of coarser levels included; torchstain's
    ``normalize`` (torch backend, without the pictures of single stains) and tiatoolbox's ``transform``.
``reinhard-apply``
    One image with the slide's fit at hand, against tiatoolbox's ``transform``, which fits every image.

``worst`` is how far any pixel of ours is from the method's formula in float64, in grey levels; more than 1 fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.alternating import compare
from benchmarks.peers.environment import interpreter
from benchmarks.peers.process import Contestant
from cytoshift.slides import open_slide

RGB = npt.NDArray[np.uint8]

PEERS = ("torchstain", "tiatoolbox")

TARGET = "stain/torchstain-pair/target.png"
IMAGES = {1024: ("slides/tcga-cr-7395.svs", 0.5), 4096: ("slides/ccmct-field-7215x5412.jpg", 1.0)}
"""Side of an image: the file it is cut from, and where, 0 for the upper left corner to 1 for the lower right."""


@dataclass(frozen=True)
class Measurement:
    """What is compared: a method, whether its fit is at hand, with whom, and how much faster it shall be."""

    method: str
    fitted: bool
    peer: str
    floor: float
    ambition: float


MEASUREMENTS = (
    Measurement("macenko", True, "torchstain", 25, 50),
    Measurement("macenko", False, "torchstain", 8, 20),
    Measurement("macenko", False, "tiatoolbox", 8, 20),
    Measurement("reinhard", True, "tiatoolbox", 2.5, 4),
    Measurement("vahadane", False, "tiatoolbox", 10, 40),
)


def main() -> None:
    """Compare on both images; an argument after the name, 1024 or 4096, chooses one."""
    sides = [int(side) for side in sys.argv[2:]] or list(IMAGES)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        images = {side: _saved(folder / f"{side}.npy", _cut(*IMAGES[side], side)) for side in sides}
        target = _saved(folder / "target.npy", _cut(TARGET, 0, None))
        ours = stack.enter_context(Contestant.ours())
        peers = {name: stack.enter_context(Contestant(interpreter(name), f"with_{name}")) for name in PEERS}
        for side, image in images.items():
            for contestant in (ours, *peers.values()):
                contestant.load(image, target)
            for each in MEASUREMENTS:
                _measure(each, side, ours, peers[each.peer])


def _measure(what: Measurement, side: int, ours: Contestant, peer: Contestant) -> None:
    kind = "apply" if what.fitted else "fit-apply"
    compare(
        f"{what.method}-{kind}-{what.peer}-{side}",
        ours.timing(f"{what.method}-{kind}"),
        peer.timing(what.method),
        floor=what.floor,
        ambition=what.ambition,
        worst=ours.tell(what.method),
    )


def _cut(file: str, where: float, side: int | None) -> RGB:
    """Read a square of an image, or all of it."""
    path = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data"), file)
    if not path.is_file():
        sys.exit(f"The real image {file} is not in {path.parents[1]}; set CYTOSHIFT_DATA to the folder that has it.")
    slide = open_slide(path)
    level = slide.levels[0]
    height, width = (level.height, level.width) if side is None else (side, side)
    y, x = round(where * (level.height - height)), round(where * (level.width - width))
    pixels = slide.read(0, y, x, height, width)
    slide.close()
    return pixels


def _saved(path: Path, image: RGB) -> Path:
    np.save(path, image)
    return path
