"""What a look is learnt from: the fields of a laboratory in memory, at one µm/px, and crops of their tissue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import Needs
from cytoshift.engine.view import SAME, View
from cytoshift.errors import DataError
from cytoshift.slides.slide import Slide
from cytoshift.slides.tissue import find_tissue, tissue_mask
from cytoshift.training.domain_files import DomainFields, DomainFile, DomainFiles, check_apart, list_files
from cytoshift.training.tissue_places import Place, places_on_tissue, spread, tissue_at

__all__ = ["Domain", "DomainFields", "check_apart", "read_domain"]

RGB = npt.NDArray[np.uint8]

TRIES = 8
"""Crops that are looked at for one with tissue."""

ENOUGH = 0.25
"""Share of a crop that is tissue, from which it is taken."""

MOST = 400
"""Parts of whole slides that are read, at most."""

BUDGET = 1 << 29
"""Bytes of pixels of a domain in memory, at most; of images that are more, parts are read as of whole slides."""

ALONE = 16
"""Crops that the only image of a set must have room for."""


@dataclass(frozen=True)
class Domain:
    """The fields of a domain in memory.

    Parameters
    ----------
    name : str
    images : list of ndarray of uint8, shape (y, x, 3)
    tissue : list of ndarray of bool, shape (y, x)
        Where each image shows tissue.
    origins : list of int
        The number in ``files`` of the file that each image comes from.
    files : DomainFiles
        What they come from.
    notes : tuple of str
        What a person should know of how they were read: how many, resampled, left out.
    """

    name: str
    images: list[RGB]
    tissue: list[npt.NDArray[np.bool_]]
    origins: list[int] = field(default_factory=list)
    files: DomainFiles = field(default_factory=lambda: DomainFiles("", ()))
    notes: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator, size: int) -> RGB:
        """Draw a crop on tissue, turned and flipped at random; the best of a few where there is little."""
        image, y, x = draw_on_tissue(rng, self.tissue, size)
        turned = np.rot90(self.images[image][y : y + size, x : x + size], int(rng.integers(4)))
        return np.ascontiguousarray(turned[:, ::-1] if rng.integers(2) else turned)


def draw_on_tissue(
    rng: np.random.Generator, tissue: Sequence[npt.NDArray[np.bool_]], size: int
) -> tuple[int, int, int]:
    """Draw where a crop on tissue lies: the number of its image, and its first row and column."""
    best, share = (0, 0, 0), -1.0
    for _ in range(TRIES):
        image = int(rng.integers(len(tissue)))
        y, x = (int(rng.integers(n - size + 1)) for n in tissue[image].shape)
        found = float(tissue[image][y : y + size, x : x + size].mean())
        if found > share:
            best, share = (image, y, x), found
        if share >= ENOUGH:
            break
    return best


def read_domain(fields: DomainFields, mpp: float, size: int, *, seed: int = 0) -> Domain:
    """Read the fields of a domain at a µm/px, resampled as the engine does.

    Images of a data set are read whole where they fit into `BUDGET`. Of whole slides, and of more images than that,
    parts of two crops' side are read, evenly over the tissue, `MOST` at most.

    Parameters
    ----------
    fields : DomainFields
    mpp : float
        µm/px of the images returned.
    size : int
        Side in pixels of the crops; smaller fields are left out.
    seed : int
        Chooses the parts of whole slides.

    Raises
    ------
    DataError
        There are no such images or slides, they are too small, too few, or show no tissue.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    """
    files = list_files(fields)
    reading = _Reading(files, mpp, size)
    numbered = list(enumerate(files.files))
    if sum(map(reading.bytes_of, files.files)) <= BUDGET:  # those of whole slides do not count: 0 pixels
        for number, file in numbered:
            if file.pixels:
                reading.take_whole(number, file)
        numbered = [(number, file) for number, file in numbered if not file.pixels]
    reading.take_parts(numbered, np.random.default_rng(seed))
    return reading.domain()


class _Reading:
    """A domain while it is read."""

    def __init__(self, files: DomainFiles, mpp: float, size: int) -> None:
        self._files, self._mpp, self._size = files, mpp, size
        self._images: list[RGB] = []
        self._tissue: list[npt.NDArray[np.bool_]] = []
        self._origins: list[int] = []
        self._scales: set[float] = set()
        self._small = self._bare = self._parts = 0

    def bytes_of(self, file: DomainFile) -> float:
        own = file.mpp_yx[0] if file.mpp_yx else file.presumed or self._mpp
        return file.pixels * 3 * (own / self._mpp) ** 2

    def take_whole(self, number: int, file: DomainFile) -> None:
        """Read an image."""
        with closing(file.open()) as slide:
            view = self._view(slide)
            if view is None:
                return
            image = view.read(0, 0, view.level.height, view.level.width)
        self._keep(image, tissue_mask(image, self._mpp), number)

    def take_parts(self, files: Sequence[tuple[int, DomainFile]], rng: np.random.Generator) -> None:
        """Read parts of whole slides, evenly over their tissue."""
        places: list[Place] = []
        for number, file in files:
            with closing(file.open()) as slide:
                view = self._view(slide)
                if view is not None:
                    places += places_on_tissue(number, view, find_tissue(slide), 2 * self._size)
        room = max(1, int(BUDGET / (3 * (2 * self._size) ** 2)))
        chosen = spread(places, min(MOST, room), rng)
        for number, file in files:
            here = [place for place in chosen if place.file == number]
            if here:
                with closing(file.open()) as slide:
                    view, tissue = View.of(slide, Needs(mpp=self._mpp)), find_tissue(slide)
                    for place in here:
                        self._keep(place.read(view), tissue_at(view, tissue, place), number)
        self._parts = len(chosen)

    def domain(self) -> Domain:
        """Return what was read; DataError where it is not enough."""
        name, size = self._files.name, self._size
        if not self._images:
            if self._small and not self._bare:
                raise DataError(f"No field of {name} is as large as a crop of {size} px; choose a smaller crop.")
            raise DataError(f"There is no tissue in {name}; choose other slides.")
        if len(self._files.files) == 1 and sum(image.size for image in self._images) < ALONE * 3 * size * size:
            if self._parts:
                raise DataError(f"{name} shows too little tissue to learn its look from; add further slides.")
            height, width = self._images[0].shape[:2]
            raise DataError(
                f"{name} is one image of {width} x {height} px, and a look is learnt from many; choose a folder of"
                " images, or whole slides."
            )
        return Domain(name, self._images, self._tissue, self._origins, self._files, tuple(self._notes()))

    def _view(self, slide: Slide) -> View | None:
        """Return a slide at the recipe's µm/px, None where it is smaller than a crop."""
        view = View.of(slide, Needs(mpp=self._mpp))
        self._scales.add(round(slide.mpp or self._mpp, 4))
        if min(view.level.height, view.level.width) >= self._size:
            return view
        self._small += 1
        return None

    def _keep(self, image: RGB, tissue: npt.NDArray[np.bool_], number: int) -> None:
        if not tissue.any():
            self._bare += 1
            return
        self._images.append(image)
        self._tissue.append(tissue)
        self._origins.append(number)

    def _notes(self) -> Iterator[str]:
        name, size = self._files.name, self._size
        whole = len(self._images) - self._parts
        counted = [f"{whole} fields"] if whole else []
        counted += [f"{self._parts} parts of {2 * size} px"] if self._parts else []
        yield f"{name}: {' and '.join(counted)} from {len(self._files.files)} files"
        scales = sorted(self._scales)
        if any(abs(scale / self._mpp - 1) > SAME for scale in scales):
            said = " and ".join(f"{scale:g}" for scale in scales)
            yield f"{name}: {said} µm/px, resampled to {self._mpp:g}"
        if scales[-1] > 1.5 * self._mpp:
            yield f"{name}: its coarsest slides have {scales[-1]:g} µm/px and show no more detail at {self._mpp:g}"
        if self._small:
            yield f"{name}: {self._small} smaller than a crop of {size} px, left out"
        if self._bare:
            yield f"{name}: {self._bare} without tissue, left out"
