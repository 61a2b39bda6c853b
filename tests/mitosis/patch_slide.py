"""A slide made of patches with a mitosis in the middle of each, at places that are known; for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from scipy import ndimage

from cytoshift.mitosis import PatchSet

RGB = npt.NDArray[np.uint8]

MPP = 0.25
APART = 160
"""Pixels between centres: patches of 128 px never touch."""

GLASS = 225
"""Mean of the channels from which on a pixel is glass."""

CORE = 44
"""Pixels around a patch's middle that are shown as they are; from there to its edge it fades into the tissue."""


@dataclass(frozen=True)
class PatchSlide:
    """A slide file, where its mitoses are, and which are atypical.

    Parameters
    ----------
    file : Path
    centres : ndarray of int64, shape (n, 2)
        x, y in level-0 pixels.
    atypical : ndarray of bool, shape (n,)
    patches : PatchSet
        The patch at each.
    """

    file: Path
    centres: npt.NDArray[np.int64]
    atypical: npt.NDArray[np.bool_]
    patches: PatchSet


def write_patch_slide(
    file: Path,
    patches: PatchSet,
    *,
    side: int = 2048,
    seed: int = 0,
    ground: RGB | None = None,
    spot: tuple[int, int, int] | None = None,
) -> PatchSlide:
    """Write a pyramid TIFF of as many of the patches, drawn by the seed, as have room.

    They lie on smooth pink tissue, or where there is some in a square ``ground`` at `MPP`. Of the places outside a
    ``spot`` of x, y and radius, one in four is used.
    """
    random = np.random.default_rng(seed)
    if ground is not None:
        side = len(ground)
    places = scattered(side, random)
    image = tissue(side, random) if ground is None else ground.copy()
    used = np.array([_in_tissue(image, x, y) for x, y in places.tolist()])
    if spot is not None:
        used &= (np.hypot(*(places - spot[:2]).T) <= spot[2]) | (np.arange(len(places)) % 4 == 0)
    centres = places[used][: len(patches)]
    chosen = patches.select(random.permutation(len(patches))[: len(centres)])
    for number, (x, y) in enumerate(centres.tolist()):
        patch = chosen.read(number)
        half = len(patch) // 2
        window = image[y - half : y + half, x - half : x + half]
        share = faded(len(patch))[..., None]
        window[:] = np.rint(share * patch + (1 - share) * window)
    _write(file, image)
    return PatchSlide(file, centres, chosen.labels == 1, chosen)


def scattered(side: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return places on a jittered lattice, in a drawn order, none nearer than `APART` - 32 px to another."""
    at = np.stack(np.meshgrid(np.arange(96, side - 96, APART), np.arange(96, side - 96, APART)), axis=-1).reshape(-1, 2)
    return random.permutation(at + random.integers(-16, 17, at.shape)).astype(np.int64)


def _in_tissue(image: RGB, x: int, y: int) -> bool:
    """Return whether more than half of what is around a place is no glass."""
    return bool((image[y - 32 : y + 32, x - 32 : x + 32].mean(axis=-1) < GLASS).mean() > 0.5)


def tissue(side: int, random: np.random.Generator) -> RGB:
    """Return pink with soft clouds and no nucleus in it."""
    clouds = ndimage.zoom(random.normal(0, 1, (side // 64 + 2,) * 2), 64, order=3)[:side, :side, None]
    grain = random.normal(0, 3, (side, side, 1))
    base = np.array([214, 170, 205]) + clouds * np.array([8, 12, 8]) + grain
    return np.clip(base, 0, 255).astype(np.uint8)


def faded(side: int) -> npt.NDArray[np.float64]:
    """Return how much of a patch shows at each of its pixels."""
    away = np.abs(np.arange(side) - (side - 1) / 2)
    along = np.clip((side / 2 - away) / (side / 2 - CORE), 0, 1)
    return np.minimum.outer(along, along)


def _write(file: Path, image: RGB) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(file) as out:
        level, step = image, 1
        while True:
            per_cm = 1e4 / (MPP * step)
            how = {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER", "metadata": None}
            out.write(level, tile=(256, 256), photometric="rgb", compression="zlib", subfiletype=int(step > 1), **how)
            if min(level.shape[:2]) <= 512:
                return
            level = ndimage.zoom(level, (0.5, 0.5, 1), order=1, grid_mode=True, mode="nearest")
            step *= 2
