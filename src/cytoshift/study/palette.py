"""The colours of classes: one palette, safe for colour-blind readers, the same wherever a class is drawn."""

from __future__ import annotations

from hashlib import sha256

from cytoshift.mitosis.classes import ATYPICAL, LOOK_ALIKE, MITOSIS, NORMAL

RGBColor = tuple[int, int, int]

BETHESDA: tuple[str, ...] = ("NILM", "ASC-US", "LSIL", "ASC-H", "HSIL", "SCC")
"""Classes of the Bethesda system, in its order."""

MITOSES: tuple[str, ...] = (MITOSIS, NORMAL, ATYPICAL, LOOK_ALIKE)
"""Classes of mitotic figures, in the order in which they are read."""

# Okabe and Ito, "Color Universal Design" (2008), without the black that nuclei have.
_COLORS: dict[str, RGBColor] = {
    "NILM": (0, 158, 115),
    "ASC-US": (86, 180, 233),
    "LSIL": (240, 228, 66),
    "ASC-H": (230, 159, 0),
    "HSIL": (213, 94, 0),
    "SCC": (204, 121, 167),
    MITOSIS: (230, 159, 0),
    NORMAL: (0, 158, 115),
    ATYPICAL: (213, 94, 0),
    LOOK_ALIKE: (86, 180, 233),
}

_SEVERITY: dict[str, int] = {
    **{name: rank for rank, name in enumerate(BETHESDA)},
    **{name: rank for rank, name in enumerate((LOOK_ALIKE, NORMAL, MITOSIS, ATYPICAL))},
}

_OTHER_SPELLINGS: dict[str, str] = {
    "negative for intraepithelial lesion": "NILM",
    "negative for intraepithelial lesion or malignancy": "NILM",
    "ascus": "ASC-US",
    "asch": "ASC-H",
    "mitotic figure": MITOSIS,
    "non-mitotic figure": LOOK_ALIKE,
    "hard negative": LOOK_ALIKE,
    **{name.lower(): name for name in (*BETHESDA, *MITOSES)},
}

# Tol, "Colour schemes" (SRON/EPS/TN/09-002, 2021): "muted", for every other name.
_FURTHER: tuple[RGBColor, ...] = (
    (51, 34, 136),
    (136, 204, 238),
    (68, 170, 153),
    (17, 119, 51),
    (153, 153, 51),
    (221, 204, 119),
    (204, 102, 119),
    (136, 34, 85),
    (170, 68, 153),
)


CHANGES: dict[str, RGBColor] = {"gained": (213, 94, 0), "lost": (0, 114, 178), "changed": (170, 51, 119)}
"""Colours of what differs between two searches: Okabe and Ito's vermilion and blue, Tol's purple between them."""


def color_of(name: str) -> RGBColor:
    """Return the colour of a class as red, green and blue from 0 to 255.

    A name that is neither of the Bethesda system nor of mitoses gets one of nine further colours that depends on the
    name alone, so it is the same in every study and on every computer; two such names may share one.
    """
    known = _COLORS.get(name)
    if known is not None:
        return known
    return _FURTHER[sha256(name.encode()).digest()[0] % len(_FURTHER)]


def severity(name: str) -> int:
    """Return how severe a class is, in Bethesda order or among mitoses; -1 for classes of which nobody knows it."""
    return _SEVERITY.get(name, -1)


def spelled(name: str) -> str:
    """Return a class of the Bethesda system, or of mitoses, as it is spelled here, any other name as it is."""
    return _OTHER_SPELLINGS.get(name.strip().lower(), name)


def in_order(names: set[str]) -> tuple[str, ...]:
    """Return class names in Bethesda order, then those of mitoses, others behind them by name."""
    known = (*BETHESDA, *MITOSES)
    return (*(name for name in known if name in names), *sorted(names - set(known)))
