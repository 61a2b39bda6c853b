"""Where everything lies: a boundless smear, laid out block by block from (seed, block) alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cytoshift.slides.samples.cells import BOX, Cell, core_outline
from cytoshift.slides.samples.debris import BANK
from cytoshift.slides.samples.kinds import CLASSES, KINDS

BLOCK = 512
"""Side in pixels of a block of the layout; nothing reaches further than one block from where it lies."""

FIELD = 2 * BLOCK
"""Side in pixels of the fields in which the scanner moves; a field without cells is not scanned and stays white."""

_ALWAYS = 4  # fields from the origin along each axis that are always scanned, so that a small slide has its glass


class Thing(NamedTuple):
    """A stamp of debris: where its centre lies, its sort and its number in the bank."""

    y: int
    x: int
    sort: str
    number: int


class Truth(NamedTuple):
    """The labelled cells of a sample.

    Parameters
    ----------
    boxes : ndarray of float32, shape (n, 4)
        x0, y0, x1, y1 around the nuclei, in level-0 pixels.
    labels : ndarray of int16, shape (n,)
        Index into `classes`.
    classes : tuple of str
        Class names.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int16]
    classes: tuple[str, ...]


class Scene(NamedTuple):
    """A boundless smear; what lies at a place depends on the seed and the place alone.

    Parameters
    ----------
    seed : int
        Another seed is another patient.
    """

    seed: int = 0

    def scanned(self, row: int, column: int) -> bool:
        """Whether the scanner visits field ``(row, column)`` of `FIELD` pixels a side."""
        if row < _ALWAYS and column < _ALWAYS:
            return True
        return _smooth(self.seed, 3, row / 8, column / 8) > 0.6

    def cells(self, y: int, x: int, height: int, width: int) -> Iterator[Cell]:
        """Yield the cells of every block that can reach into a window, always in the same order."""
        for block in self._blocks(y, x, height, width):
            yield from layout(self.seed, *block)[0]

    def things(self, y: int, x: int, height: int, width: int) -> Iterator[Thing]:
        """Yield leukocytes and dirt of every block that can reach into a window, always in the same order."""
        for block in self._blocks(y, x, height, width):
            yield from layout(self.seed, *block)[1]

    def _blocks(self, y: int, x: int, height: int, width: int) -> Iterator[tuple[int, int]]:
        for row in range(max(0, y // BLOCK - 1), (y + height - 1) // BLOCK + 2):
            for column in range(max(0, x // BLOCK - 1), (x + width - 1) // BLOCK + 2):
                if self.scanned(row * BLOCK // FIELD, column * BLOCK // FIELD):
                    yield row, column

    def truth(self, height: int, width: int) -> Truth:
        """Return the labelled cells whose nucleus has its centre in a slide of this size."""
        boxes, labels = [], []
        for cell in self.cells(0, 0, height, width):
            if cell.y < height and cell.x < width:
                side = max(BOX / 2, float(core_outline(cell.kind, cell.seed).max()))
                box = (cell.x - side + 0.5, cell.y - side + 0.5, cell.x + side + 0.5, cell.y + side + 0.5)
                boxes.append(np.clip(box, 0, (width, height, width, height)))
                labels.append(KINDS[cell.kind].label)
        return Truth(np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int16), CLASSES)


@lru_cache(maxsize=4096)
def _lattice(seed: int, what: int, row: int, column: int) -> float:
    return float(np.random.default_rng([seed, what, row, column]).random())


def _smooth(seed: int, what: int, y: float, x: float) -> float:
    """Return smooth noise from 0 to 1 whose features are one unit wide."""
    row, column = int(y), int(x)
    v, u = (part * part * (3 - 2 * part) for part in (y - row, x - column))
    upper = _lattice(seed, what, row, column) * (1 - u) + _lattice(seed, what, row, column + 1) * u
    lower = _lattice(seed, what, row + 1, column) * (1 - u) + _lattice(seed, what, row + 1, column + 1) * u
    return upper * (1 - v) + lower * v


@lru_cache(maxsize=1024)
def layout(seed: int, row: int, column: int) -> tuple[tuple[Cell, ...], tuple[Thing, ...]]:
    """Lay out one block: how many cells, of which kind, alone or in clumps, and the dirt between them."""
    rng = np.random.default_rng([seed, 0, row, column])
    crowd = _smooth(seed, 1, row / 2.5, column / 2.5)
    lesion = _smooth(seed, 2, row / 3, column / 3) ** 3
    places: list[tuple[int, int, str]] = []
    for _ in range(rng.poisson(11.0 * max(0.0, crowd - 0.2) ** 1.3)):
        _add(rng, places, rng.uniform(24, BLOCK - 24, 2), _kind(rng, lesion))
    if rng.random() < 0.45 * crowd:
        _clump(rng, places, lesion)
    corner = np.array([row, column]) * BLOCK
    cells = tuple(
        Cell(int(corner[0]) + y, int(corner[1]) + x, kind, int(rng.integers(1 << 62))) for y, x, kind in places
    )
    return cells, tuple(_debris(rng, places, corner, crowd, _smooth(seed, 4, row / 2, column / 2)))


def _kind(rng: np.random.Generator, lesion: float) -> str:
    if rng.random() < 0.06 + 0.75 * lesion:
        return str(rng.choice(["asc-us", "lsil", "asc-h", "hsil", "scc"], p=[0.22, 0.36, 0.10, 0.26, 0.06]))
    return str(rng.choice(["superficial", "intermediate", "parabasal"], p=[0.47, 0.46, 0.07]))


def _add(rng: np.random.Generator, places: list[tuple[int, int, str]], at: npt.NDArray[np.float64], kind: str) -> None:
    """Put a cell where no other nucleus of the block lies."""
    y, x = int(at[0]), int(at[1])
    if 0 <= y < BLOCK and 0 <= x < BLOCK and all((y - v) ** 2 + (x - u) ** 2 > 44**2 for v, u, _ in places):
        places.append((y, x, kind))


def _clump(rng: np.random.Generator, places: list[tuple[int, int, str]], lesion: float) -> None:
    """Put overlapping cells: a sheet of squames, or a crowded group of high-grade cells."""
    centre = rng.uniform(130, BLOCK - 130, 2)
    high = rng.random() < 0.1 + 1.2 * lesion
    for _ in range(int(rng.integers(5, 15))):
        kind = "hsil" if high and rng.random() < 0.85 else _kind(rng, lesion)
        _add(rng, places, centre + rng.normal(0, 60 if high else 85, 2), kind)


def _debris(
    rng: np.random.Generator,
    places: list[tuple[int, int, str]],
    corner: npt.NDArray[np.intp],
    crowd: float,
    inflamed: float,
) -> Iterator[Thing]:
    counts = {
        "leukocyte": rng.poisson(1.5 + 90 * inflamed**4 * (0.3 + crowd)),
        "speck": rng.poisson(7),
        "bacteria": rng.poisson(5 * max(0.0, crowd - 0.4)),
        "dust": rng.poisson(0.25),
        "fibre": rng.poisson(0.05),
    }
    for sort, count in counts.items():
        for at in rng.uniform(0, BLOCK, (int(count), 2)):
            y, x = int(at[0]), int(at[1])
            number = int(rng.integers(BANK))
            covers = any((y - v) ** 2 + (x - u) ** 2 < 34**2 for v, u, _ in places)
            if sort == "speck" or not covers:
                yield Thing(int(corner[0]) + y, int(corner[1]) + x, sort, number)
