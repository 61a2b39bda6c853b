"""What the cells of a Pap smear look like: sizes in µm, dyes and shape of every kind that is drawn.

Sizes follow the criteria of the Bethesda System (Nayar & Wilbur, 3rd ed., 2015): an intermediate nucleus has 35 µm² or
so; ASC-US is 2.5 to 3 times that, LSIL more than 3 times; HSIL cells are small with little cytoplasm.
"""

from __future__ import annotations

from dataclasses import dataclass

CLASSES = ("NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC")
"""Class names of the labelled cells, in Bethesda order."""

MPP = 0.25
"""µm per pixel of the scene: 40x."""

OBJECTIVE = 40.0

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of squamous cell varies; lengths are µm, dyes are amounts where the cell is of usual thickness.

    Parameters
    ----------
    label : int
        Index into `CLASSES`.
    cell, nucleus : tuple of float
        Range of the radius.
    eosin, orange, green : tuple of float
        Range of the dye in the cytoplasm.
    hematoxylin : tuple of float
        Range of the dye in the nucleus.
    corners : tuple of float
        Range of the number of corners of the outline.
    stretch : tuple of float
        Range of length over width of the cell.
    chromatin : float
        Contrast of the chromatin.
    ragged : float
        Irregularity of the nuclear outline.
    halo : float
        Share of cells with a cleared zone around the nucleus.
    """

    label: int
    cell: Range
    nucleus: Range
    eosin: Range
    orange: Range
    green: Range
    hematoxylin: Range
    corners: Range = (5, 8)
    stretch: Range = (1.0, 1.7)
    chromatin: float = 0.2
    ragged: float = 0.04
    halo: float = 0.0


KINDS: dict[str, Kind] = {
    "superficial": Kind(0, (22, 31), (2.5, 3.3), (0.10, 0.34), (0.02, 0.50), (0.0, 0.03), (1.15, 1.65), chromatin=0.12),
    "intermediate": Kind(0, (21, 30), (3.4, 4.4), (0.0, 0.10), (0.0, 0.05), (0.20, 0.50), (0.8, 1.25)),
    "parabasal": Kind(0, (9, 13), (3.8, 4.6), (0.0, 0.10), (0.0, 0.06), (0.40, 0.65), (0.9, 1.3), (9, 12), (1.0, 1.2)),
    "asc-us": Kind(
        1, (19, 27), (5.2, 6.2), (0.02, 0.25), (0.0, 0.25), (0.0, 0.35), (0.85, 1.2), chromatin=0.2, ragged=0.06
    ),
    "lsil": Kind(
        2,
        (17, 26),
        (6.2, 8.0),
        (0.05, 0.30),
        (0.0, 0.45),
        (0.0, 0.35),
        (1.0, 1.5),
        chromatin=0.3,
        ragged=0.09,
        halo=0.45,
    ),
    "asc-h": Kind(
        3,
        (7.5, 10),
        (4.6, 5.8),
        (0.0, 0.15),
        (0.0, 0.10),
        (0.30, 0.55),
        (1.1, 1.5),
        (9, 12),
        (1.0, 1.25),
        0.25,
        0.08,
    ),
    "hsil": Kind(
        4,
        (7.2, 9.6),
        (5.4, 7.0),
        (0.0, 0.25),
        (0.0, 0.20),
        (0.20, 0.50),
        (0.95, 1.4),
        (8, 12),
        (1.0, 1.3),
        0.34,
        0.13,
    ),
    "scc": Kind(
        5,
        (11, 17),
        (4.8, 7.0),
        (0.25, 0.45),
        (0.45, 0.95),
        (0.0, 0.05),
        (1.3, 1.8),
        (5, 7),
        (1.9, 3.0),
        0.22,
        0.17,
    ),
}
