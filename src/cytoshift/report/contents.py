"""What the report of a slide of a study tells, as numbers, words and pictures; `page` says in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from PIL.Image import Image

from cytoshift.study.change import State
from cytoshift.study.log import SlideRecord

if TYPE_CHECKING:
    from cytoshift.metrics.kappa import Kappa
    from cytoshift.mitosis.report import Counted
    from cytoshift.slides.slide import Slide


class ClassCount(NamedTuple):
    """Cells of a class: how many, on how many a person decided, and how many on a mm² of searched tissue.

    ``per_mm2`` is None where no area is known.
    """

    label: str
    cells: int
    decided: int
    per_mm2: float | None

    @property
    def undecided(self) -> int:
        """Cells that have their class from the model alone."""
        return self.cells - self.decided


class Source(NamedTuple):
    """Where findings come from.

    Parameters
    ----------
    key : str
        The letter that cells of the report name it by; ``""`` where none of its cells are counted.
    name : str
        A model, a file, or a person's hand.
    version : str
        Beginning of the checksum of the model's weights; ``""`` where there is no model.
    looked_at : str
        Which part of the slide, and in which colours.
    made : str
        Day, as ISO text; ``""`` where there is no single one.
    cells : int
        Cells of it that are counted, or, where none are, that it found.
    """

    key: str
    name: str
    version: str
    looked_at: str
    made: str
    cells: int


class Decided(NamedTuple):
    """What one person decided on a slide: cells, by what was said of them, and from when to when (ISO text)."""

    author: str
    accepted: int
    rejected: int
    unsure: int
    relabelled: int
    moved: int
    added: int
    imported: int
    first: str
    last: str


class Note(NamedTuple):
    """What a person wrote about the slide as a whole, kept measures among it; ``time`` is ISO text."""

    author: str
    time: str
    text: str


class Second(NamedTuple):
    """A blinded second reader of the slide: how far both readings agree, and what is left to settle."""

    reader: str
    kappa: Kappa
    unsettled: int


class SevereCell(NamedTuple):
    """A cell of the gallery.

    Parameters
    ----------
    label : str
        Its class as it is now.
    state : State
    score : float or None
        Of the model; None where a person added it.
    was : str
        The class that the model or the file gave, where it is another.
    source : str
        Key of its `Source`.
    box : tuple of float
        x0, y0, x1, y1 in level-0 pixels.
    picture : Image or None
        None where the slide cannot be read.
    """

    label: str
    state: State
    score: float | None
    was: str
    source: str
    box: tuple[float, float, float, float]
    picture: Image | None


@dataclass(frozen=True, slots=True)
class SlideReport:
    """What the report of a slide tells. Make one with `report_of`.

    Parameters
    ----------
    study : str
        Name of the study's folder.
    reader : str
        The blinded reader whose reading it is; ``""`` for the common one.
    record : SlideRecord
        The slide as the study knows it.
    slide : Slide or None
        None where it cannot be read; `missing` says why.
    missing : str
        What is missing for want of the slide, in one sentence; ``""`` for nothing.
    made : datetime
        When the report was made, in local time.
    author : str
        Login name of who made it.
    counts : tuple of ClassCount
        In Bethesda order, then mitoses, then others by name.
    unsure : int
        Cells that a person could not tell; in no count.
    rejected : int
        Cells that a person said are none; in no count.
    limits : mapping of str to float
        Scores by class from which predictions that nobody decided on are counted.
    searched_mm2 : float or None
        Tissue in the part that was searched.
    tissue_share, tissue_mm2 : float or None
        Tissue on the whole slide.
    screened : float or None
        Share of it that was looked at closely enough, at `coverage.SCREENED` and above; None where nobody looked.
    sources : tuple of Source
        Those of the counted cells, then other searches of the slide.
    decided : tuple of Decided
        By author.
    elsewhere : int
        Cells of other searches that somebody decided on; in no count.
    complete : int
        Regions that are annotated completely.
    complete_mm2 : float or None
        Their area together, what overlaps once.
    notes : tuple of Note
        Oldest first.
    seconds : tuple of Second
        Blinded second readers; none in the reading of one of them.
    mitoses : Counted or None
        The mitotic count, where mitoses were found.
    thumbnail : Image or None
        The slide with its cells, what was searched, complete regions and the window of the mitotic count.
    severe : tuple of SevereCell
        The most severe cells.
    crop_um : float or None
        Width of their pictures; None where nobody knows µm/px.
    """

    study: str
    reader: str
    record: SlideRecord
    slide: Slide | None
    missing: str
    made: datetime
    author: str
    counts: tuple[ClassCount, ...]
    unsure: int
    rejected: int
    limits: Mapping[str, float]
    searched_mm2: float | None
    tissue_share: float | None
    tissue_mm2: float | None
    screened: float | None
    sources: tuple[Source, ...]
    decided: tuple[Decided, ...]
    elsewhere: int
    complete: int
    complete_mm2: float | None
    notes: tuple[Note, ...] = ()
    seconds: tuple[Second, ...] = ()
    mitoses: Counted | None = None
    thumbnail: Image | None = None
    severe: tuple[SevereCell, ...] = field(default_factory=tuple)
    crop_um: float | None = None

    @property
    def cells(self) -> int:
        """Cells that are counted."""
        return sum(count.cells for count in self.counts)

    @property
    def undecided(self) -> int:
        """Counted cells that have their class from a model alone."""
        return sum(count.undecided for count in self.counts)
