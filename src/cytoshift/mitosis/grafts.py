"""Mitoses of patches set into tissue that has none: fields that show a detector what else lies on a slide.

Patches show a few cells around each mitosis, hardly a lymphocyte, a vessel or a fold of skin: a detector that saw
nothing else takes these for mitoses. So crops of tissue without mitoses are learnt from, in the stains of the patches'
slides, some with mitoses set into them that fade into what is around.

What fades, or comes from another place, must not tell that it is a mitosis. So as many places without one are set in,
in the same way: from beside the mitoses of the same patches, and from other places of the tissue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cytoshift.durable import new_folder
from cytoshift.errors import DataError
from cytoshift.mitosis.mosaics import BOX_UM, Mosaic, Turned, turned_patch, write_mosaics
from cytoshift.mitosis.patches import PatchSet
from cytoshift.training.coco import CocoSet, Field, read_coco

if TYPE_CHECKING:
    from cytoshift.training.loop import Control, Emit

RGB = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
Density = npt.NDArray[np.float32]

SIDE = 4
"""Whole patches that would fit along each side of a field: 512 px of 128."""

ROUNDS = 4
"""Times that each image of tissue is seen, by area, and at least as many fields of it."""

WITHOUT = 0.4
"""Share of the fields that have no mitosis."""

MOST = 8
"""Mitoses in one field at most."""

DECOYS = 6
"""Places without a mitosis set into each field."""

AS_IT_IS = 0.25
"""Share of the fields in the tissue's own stain."""

FAINT = 0.1
"""Mean optical density, in natural logarithms, below which a pixel is glass."""

_TRIES = 30


def with_grafts(
    mosaics: CocoSet,
    patches: PatchSet,
    tissue: CocoSet,
    folder: Path,
    *,
    mpp: float,
    box_um: float = BOX_UM,
    seed: int = 0,
    emit: Emit | None = None,
    control: Control | None = None,
) -> CocoSet:
    """Add fields of tissue to mosaics of patches; what the folder holds already is only read.

    Every image of tissue goes with some of the slides, and the fields of both are named after it: whichever are held
    back from a training, their tissue is held back, too.

    Parameters
    ----------
    mosaics : CocoSet
        Of these patches.
    patches : PatchSet
        With a mitosis in the middle of each; all the patches of the slides they are of.
    tissue : CocoSet
        Images without a mitosis, at the patches' µm/px.
    folder : Path
        To be made; belongs to one set, tissue and seed.
    mpp : float
        µm/px of both.
    box_um : float
        Side in µm of the box around a mitosis.
    seed : int
    emit, control : optional
        See `cytoshift.training.fit`.

    Raises
    ------
    DataError
        An image cannot be read or is smaller than a patch.
    Cancelled
        On request; nothing is left behind.
    """
    homes = _homes(patches, tissue)
    if not folder.is_dir():
        if emit is not None:
            emit({"kind": "note", "text": f"setting mitoses into {len(tissue.fields)} images of tissue"})
        with new_folder(folder) as partial:
            write_mosaics(partial, lay_grafts(patches, tissue, box=box_um / mpp, seed=seed), mpp=mpp, control=control)
    moved = [replace(each, slide=homes[each.slide]) for each in mosaics.fields]
    return replace(mosaics, fields=(*moved, *read_coco(folder).fields))


def lay_grafts(patches: PatchSet, tissue: CocoSet, *, box: float, seed: int) -> Iterator[Mosaic]:
    """Yield fields of tissue, image by image, with and without mitoses.

    Parameters
    ----------
    patches : PatchSet
    tissue : CocoSet
    box : float
        Side of a mitosis' box in pixels.
    seed : int
    """
    homes = _homes(patches, tissue)
    slides = np.array([homes[slide] for slide in patches.slides])
    side = len(patches.read(0))
    for number, image in enumerate(tissue.fields):
        rng = np.random.default_rng((seed, number))
        if min(image.height, image.width) < side:
            raise DataError(f"{image.name} is smaller than a patch of {side} px; take larger images as data.tissue.")
        ground = _Ground.of(image)
        own = np.flatnonzero(slides == image.name)
        for _ in range(ROUNDS * max(1, round(image.height * image.width / (SIDE * side) ** 2))):
            yield _Graft(patches, own, ground, image.name, side, box, rng).laid()


def _homes(patches: PatchSet, tissue: CocoSet) -> dict[str, str]:
    """Return the image of tissue that each slide goes with."""
    names = [image.name for image in tissue.fields]
    return {slide: names[place % len(names)] for place, slide in enumerate(sorted(set(patches.slides)))}


@dataclass(frozen=True, slots=True)
class _Ground:
    """An image of tissue, and the mean optical density of each of its channels where it is not glass."""

    pixels: RGB
    mean: Density

    @classmethod
    def of(cls, image: Field) -> _Ground:
        pixels = image.read()
        return cls(pixels, _mean_density(pixels))

    def cut(self, rng: np.random.Generator, height: int, width: int) -> RGB:
        """Return a copy of a random place, one that is half tissue where that is not hard to find."""
        for _ in range(_TRIES):
            y = int(rng.integers(self.pixels.shape[0] - height + 1))
            x = int(rng.integers(self.pixels.shape[1] - width + 1))
            seen = self.pixels[y : y + height, x : x + width]
            if _tissue_share(seen[::4, ::4]) > 0.5:
                break
        return seen.copy()


@dataclass(slots=True)
class _Graft:
    """One field in the making: a crop of tissue, in a slide's stain, and what is set into it."""

    patches: PatchSet
    own: npt.NDArray[np.int64]
    ground: _Ground
    name: str
    side: int
    box: float
    rng: np.random.Generator
    boxes: list[Boxes] = field(default_factory=lambda: [np.zeros((0, 4), np.float32)])
    ignored: list[Boxes] = field(default_factory=lambda: [np.zeros((0, 4), np.float32)])
    taken: list[tuple[int, int]] = field(default_factory=list)
    gain: Density = field(default_factory=lambda: np.ones(3, np.float32))

    def laid(self) -> Mosaic:
        """Return the field."""
        rng, image = self.rng, self.ground.pixels
        size = [min(SIDE * self.side, length) for length in image.shape[:2]]
        if len(self.own):
            slide = self.patches.slides[int(rng.choice(self.own))]
            self.own = self.own[np.array([self.patches.slides[each] == slide for each in self.own])]
            if rng.random() >= AS_IT_IS:
                self.gain = self._gain()
        pixels = restained(self.ground.cut(rng, *size), self.gain)
        count = 0 if not len(self.own) or rng.random() < WITHOUT else int(rng.integers(1, MOST + 1))
        for decoy in rng.permutation([False] * count + [True] * DECOYS):
            place = self._place(pixels)
            if place is not None:
                self._set(pixels, *place, decoy=bool(decoy))
        return Mosaic(self.name, pixels, np.concatenate(self.boxes), np.concatenate(self.ignored))

    def _gain(self) -> Density:
        some = self.rng.permutation(self.own)[:6]
        mean = _mean_density(np.concatenate([self.patches.read(int(each)) for each in some]))
        gain: Density = np.clip(mean / self.ground.mean, 0.4, 2.5)
        return gain

    def _place(self, pixels: RGB) -> tuple[int, int] | None:
        """Draw a place in tissue that nothing was set into; None where there is hardly one."""
        half = self.side // 2
        least = half + 0.64 * self.box  # what is set in reaches half a patch far, and spares the box of a mitosis
        for _ in range(_TRIES):
            y, x = (int(self.rng.integers(half, length - half + 1)) for length in pixels.shape[:2])
            near = pixels[y - half // 2 : y + half // 2, x - half // 2 : x + half // 2]
            free = all(max(abs(x - ox), abs(y - oy)) >= least for ox, oy in self.taken)
            if free and _tissue_share(near) > 0.5:
                self.taken.append((x, y))
                return x, y
        return None

    def _set(self, pixels: RGB, x: int, y: int, *, decoy: bool) -> None:
        rng, half = self.rng, self.side // 2
        if not decoy:
            reach = float(rng.uniform(0.55, 1)) * half
            patch = self._patch()
            corner = np.array([x - half, y - half] * 2, np.float32)
            whole, cut = _shown(patch, half, reach)
            self.boxes.append(whole + corner)
            self.ignored.append(cut + corner)
            _fade(pixels, patch.pixels, x, y, reach, rng)
            return
        reach = float(rng.uniform(0.3, 0.45)) * half
        seen = self._beside(reach) if len(self.own) and rng.random() < 0.5 else None
        if seen is None:
            reach = float(rng.uniform(0.3, 1)) * half
            gain = self.gain * rng.uniform(0.85, 1.15, 3).astype(np.float32)
            seen = restained(self.ground.cut(rng, 2 * half, 2 * half), gain)
        _fade(pixels, seen, x, y, reach, rng)

    def _patch(self) -> Turned:
        rng = self.rng
        return turned_patch(
            self.patches, int(rng.choice(self.own)), self.box, int(rng.integers(4)), bool(rng.integers(2))
        )

    def _beside(self, reach: float) -> RGB | None:
        """Return what lies around a place of a patch with no mitosis within reach, None where none was found."""
        patch = self._patch()
        known = np.concatenate([patch.boxes, patch.cut])
        centres = (known[:, :2] + known[:, 2:]) / 2
        whole = int(np.ceil(reach))
        for _ in range(_TRIES):
            place = self.rng.integers(whole, self.side - whole + 1, 2)
            if (np.hypot(*(centres - place).T) >= reach + 0.45 * self.box).all():
                x, y = place.tolist()
                return patch.pixels[y - whole : y + whole, x - whole : x + whole]
        return None


def _shown(patch: Turned, half: int, reach: float) -> tuple[Boxes, Boxes]:
    """Return the mitoses of a patch that show where only what is near its middle does, and those that half do."""
    boxes = np.concatenate([patch.boxes, patch.cut])
    away = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - half).max(axis=1)
    middle = away < 1
    return boxes[middle], boxes[~middle & (away < reach + 0.5 * (boxes[:, 2] - boxes[:, 0]))]


def _fade(pixels: RGB, seen: RGB, x: int, y: int, reach: float, rng: np.random.Generator) -> None:
    """Set a square with its middle at a place of a field, from there to a reach fading into what is around."""
    half = len(seen) // 2
    window = pixels[y - half : y + half, x - half : x + half]
    away = np.abs(np.arange(-half, half) + 0.5) / reach
    power = float(rng.choice([2, 3, 6]))  # a disc, or nearly a square
    along = away**power
    distance = np.add.outer(along, along) ** (1 / power)
    solid = float(rng.uniform(0.6, 0.85))
    share = np.clip((1 - distance) / (1 - solid), 0, 1)[..., None]
    window[:] = np.rint(share * seen + (1 - share) * window).astype(np.uint8)


def restained(pixels: RGB, gain: Density) -> RGB:
    """Return pixels ``(y, x, 3)`` with the optical density of each channel multiplied: glass stays glass."""
    level = np.arange(256, dtype=np.float64)
    tables = 256 * np.exp(np.log((level[:, None] + 1) / 256) * gain) - 1
    lookup = np.clip(np.rint(tables), 0, 255).astype(np.uint8)
    return np.stack([lookup[pixels[..., channel], channel] for channel in range(3)], axis=-1)


def _tissue_share(pixels: RGB) -> float:
    return float((_density(pixels).mean(axis=-1) > FAINT).mean())


def _mean_density(pixels: RGB) -> Density:
    density = _density(pixels).reshape(-1, 3)
    tissue = density[density.mean(axis=1) > FAINT]
    mean: Density = np.maximum(tissue.mean(axis=0) if len(tissue) else density.mean(axis=0), 0.02).astype(np.float32)
    return mean


def _density(pixels: RGB) -> Density:
    density: Density = -np.log((pixels.astype(np.float32) + 1) / 256)
    return density
