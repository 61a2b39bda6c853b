"""What a page is made of, in words and pictures; `html` and `pdf` lay the same blocks out in the same order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from PIL.Image import Image

from cytoshift.study.palette import RGBColor

Tone = Literal["plain", "warning", "doubt"]
"""How a sentence is set: as text, in the box that is read first, or in one that tells of a doubt."""


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence or some."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names, and what there is to say of each."""

    rows: tuple[tuple[str, str], ...]


class Row(NamedTuple):
    """A row of a table: its cells, the colour before the first of them, and how long its bar is, from 0 to 1."""

    cells: tuple[str, ...]
    color: RGBColor | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a head.

    Parameters
    ----------
    head : tuple of str
    rows : tuple of Row
    numbers : int
        How many of the last columns hold numbers, which stand at the right.
    """

    head: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: int = 0

    @property
    def barred(self) -> bool:
        """Whether the rows have bars behind them."""
        return any(row.share is not None for row in self.rows)


class Figure(NamedTuple):
    """A picture and the sentence below it."""

    picture: Image
    caption: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Pictures in rows, so many side by side."""

    figures: tuple[Figure, ...]
    columns: int = 1


class Crop(NamedTuple):
    """The picture of one cell: the lines below it, where it lies, and the colour of the frame around it."""

    picture: Image
    lines: tuple[str, ...]
    place: str = ""
    color: RGBColor | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Cells side by side, all at one scale, below a title with a colour where there is one."""

    crops: tuple[Crop, ...]
    title: str = ""
    color: RGBColor | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """What was done, and the line that does it in a terminal."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks below a title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Two columns of blocks; ``left_share`` is the share of the width that the left one takes."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]
    left_share: float = 0.5


Block = Words | Facts | Table | Figures | Gallery | Steps | Section | Beside


@dataclass(frozen=True, slots=True)
class Page:
    """All of a report.

    Parameters
    ----------
    heading : str
        What it is about, in large letters.
    title : str
        What the window of a browser, and the list of files of a printer, call it.
    blocks : tuple of Block
    footer : str
        What stands last, and on every sheet of paper.
    below : str
        A line below the heading.
    """

    heading: str
    title: str
    blocks: tuple[Block, ...] = field(default_factory=tuple)
    footer: str = ""
    below: str = ""


def printable(text: str) -> str:
    """Return a text that came from outside with a mark for every character that no page can hold.

    Names of files may have control characters, and halves of characters where their bytes are no text.
    """
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
