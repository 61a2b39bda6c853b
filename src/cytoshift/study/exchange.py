"""What goes into a study from a file, seen before it is added; and what comes out of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cytoshift.engine.outlines import Outlines, Points
from cytoshift.errors import StudyError
from cytoshift.study.cells import Cells, Region
from cytoshift.study.change import State
from cytoshift.study.edits import Edited, edited, targets_of
from cytoshift.study.events import Event
from cytoshift.study.formats.annotations import Annotations
from cytoshift.study.formats.picture import Picture
from cytoshift.study.palette import BETHESDA, MITOSES, color_of, in_order
from cytoshift.study.store import Study

# In --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What adding a file to a slide of a study would do.

    Parameters
    ----------
    source : str
        Name of the file.
    slide : str
        Identity.
    cells : Annotations
        What would be added.
    counts : dict of str to int
        How many cells of each class.
    edited : Edited
        What the file says otherwise of cells that the study has.
    known : int
        Cells and regions that are in the study already, by their ids, and stay as they are there.
    outside : int
        Cells that lie beside the slide, left out.
    nameless : int
        Shapes without a class, left out.
    new_classes : tuple of str
        Classes that the study has not met.
    """

    source: str
    slide: str
    cells: Annotations
    counts: dict[str, int]
    edited: Edited
    known: int
    outside: int
    nameless: int
    new_classes: tuple[str, ...]

    @property
    def anything(self) -> bool:
        """Whether there is something to add or to correct."""
        return len(self.cells) + len(self.cells.regions) + len(self.edited) > 0

    def sentences(self, *, done: bool = False) -> str:
        """Say it to a person, before it is done or when it is."""
        edited, past = self.edited, "ed" if done else "s"
        classes = ", ".join(f"{name} {self.counts[name]}" for name in in_order(set(self.counts)))
        cells, fields = len(self.cells), len(self.cells.regions)
        parts = [f"{cells} {'cell' if cells == 1 else 'cells'} ({classes})"] if cells else []
        parts += [f"{fields} complete {'field' if fields == 1 else 'fields'}"] if fields else []
        does = [f"add{past} {' and '.join(parts) or 'nothing'}"] if parts or not edited else []
        does += [f"correct{past} {edited.sentence()}"] if edited else []
        said = [f"{self.source} {' and '.join(does)}."]
        said += [f"{self.known} here already, left as they are."] if self.known else []
        said += [f"{edited.older} of them corrected here since the file was written."] if edited.older else []
        said += ["Cells that are not in it stay."] if edited.absent else []
        said += [f"{self.outside} beside the slide, left out."] if self.outside else []
        said += [f"{self.nameless} without a class, left out."] if self.nameless else []
        one = len(self.new_classes) == 1
        said += [f"New {'class' if one else 'classes'}: {', '.join(self.new_classes)}."] if self.new_classes else []
        return " ".join((*said, *self.cells.notes))


def preview(
    study: Study, slide: str, picture: Picture, read: Annotations, source: str, *, truth: bool = False
) -> Preview:
    """Return what adding the cells of a file would do; nothing is stored.

    Parameters
    ----------
    study : Study
    slide : str
        Identity; the study need not know it yet.
    picture : Picture
        The slide's name and size.
    read : Annotations
        What is in the file.
    source : str
        Name of the file.
    truth : bool
        Whether a person drew the cells, so that those of which the file says nothing need no review.

    Raises
    ------
    StudyError
        Not one of the cells lies on the slide.
    """
    x0, y0, x1, y1 = read.boxes.T
    on_slide = (x1 > 0) & (y1 > 0)
    if picture.sized:
        on_slide &= (x0 < picture.width) & (y0 < picture.height)
    if len(read) and not on_slide.any():
        raise StudyError(f"No cell of {source} lies on {picture}; choose the slide that the file was made on.")
    has_name = np.array([name != "" for name in (*read.classes, "")])[read.labels]
    targets = targets_of(study, slide, read.ids)
    known, regions, met = (
        np.array([name != "" for name in targets], np.bool_),
        study.regions(slide),
        _classes(study, slide),
    )
    usable = on_slide & has_name
    here = edited(study, slide, read, [name if fine else "" for name, fine in zip(targets, usable, strict=True)])
    new_regions = tuple(region for region in read.regions if all(region.id != one.id for one in regions))
    cells = replace(read, regions=tuple(_of_study(study, slide, region) for region in new_regions))
    cells = _compact(cells.select(usable & ~known))
    if truth:
        undecided = cells.states == State.PREDICTED
        cells = replace(cells, states=np.where(undecided, State.ADDED, cells.states).astype(np.uint8))
    return Preview(
        source,
        slide,
        cells,
        dict(Counter(cells.classes[label] for label in cells.labels.tolist())),
        here,
        int(np.count_nonzero(known & usable)) + len(read.regions) - len(new_regions) - len(here),
        int(np.count_nonzero(~on_slide)),
        int(np.count_nonzero(on_slide & ~has_name)),
        tuple(name for name in dict.fromkeys((*cells.classes, *here.labels)) if name not in met),
    )


def add(study: Study, seen: Preview) -> Event:
    """Add what was previewed, and correct what it corrects, as one event that one undo takes back.

    Raises
    ------
    StudyError
        There is nothing to add, or the study cannot be written; nothing is added then.
    """
    if not seen.anything:
        raise StudyError(f"There is nothing to add: {seen.sentences()}")
    return study.bring_in(seen.slide, seen.cells, seen.source, seen.edited.changes)


def _compact(cells: Annotations) -> Annotations:
    """Leave out classes that no cell is of."""
    used = np.unique(cells.labels)
    to = np.zeros(len(cells.classes) + 1, np.int16)
    to[used] = np.arange(len(used))
    return replace(
        cells,
        labels=to[cells.labels],
        classes=tuple(cells.classes[at] for at in used.tolist()),
        colors=tuple(cells.colors[at] for at in used.tolist()),
    )


def _of_study(study: Study, slide: str, region: Region) -> Region:
    """Return a region of a file as one of a slide: without a run that the slide has not."""
    return region if region.run in study.runs(slide) else replace(region, run="")


def _classes(study: Study, slide: str) -> set[str]:
    return {*BETHESDA, *MITOSES, *study.cells(slide).classes}


# Out -------------------------------------------------------------------------------------------------------------


def outgoing(study: Study, slide: str, cells: Cells | None = None) -> Annotations:
    """Return the cells of a slide that were not rejected, as files hold them, with the regions marked complete.

    Imported cells have the ids and outlines, and their classes the colours, with which they came.

    Parameters
    ----------
    study : Study
    slide : str
        Identity.
    cells : Cells, optional
        Which cells; those of the last run, corrected, without.

    Raises
    ------
    StudyError
        The study has no such slide, or cannot be read.
    """
    study.slide(slide)
    cells = study.cells(slide) if cells is None else cells
    kept = cells.select(cells.states != State.REJECTED)
    out = Annotations.of(kept, study.regions(slide))
    colors = {name: color for event in _imports(study, slide) for name, color in event.payload["colors"].items()}
    return replace(
        _as_they_came(study, kept, out),
        colors=tuple((r, g, b) for r, g, b in (colors.get(name) or color_of(name) for name in out.classes)),
    )


def _as_they_came(study: Study, kept: Cells, out: Annotations) -> Annotations:
    """Give imported cells the ids that they had in their file and, where nobody moved them, cells their outlines."""
    ids, given = list(out.ids), [""] * len(out)
    rows, parts = np.zeros(len(out), np.int64), [Outlines.none(1)]  # row 0 is that of cells without an outline
    for event, here, which in kept.ids.imported():
        names, outlines = study.names(event)
        for at, index in zip(here.tolist(), which.tolist(), strict=True):
            ids[at] = names.ids[index]
            given[at] = names.given[index] if names.given else ""
        rows[here] = which + sum(map(len, parts))
        parts.append(outlines)
    drawn = {at: study.outline_of(ids[at]) for at in np.flatnonzero(kept.ids.numbers < 0).tolist()}
    drawn = {at: outline for at, outline in drawn.items() if outline}
    rows[list(drawn)] = np.arange(len(drawn)) + sum(map(len, parts))
    known = Outlines.joined([*parts, Outlines.of(list(drawn.values()))])
    for at in np.flatnonzero(kept.corrected & (rows > 0)).tolist():
        outline = known[rows[at]]
        if len(outline) and not _fits(outline, out.boxes[at]):
            rows[at] = 0
    named = tuple(given) if any(given) else ()
    return replace(out, ids=tuple(ids), given=named, outlines=known.select(rows))


def _fits(outline: Points, box: npt.NDArray[np.float32]) -> bool:
    corners = outline[~np.isnan(outline[:, 0])]
    return bool((corners.min(axis=0) == box[:2]).all() and (corners.max(axis=0) == box[2:]).all())


def _imports(study: Study, slide: str) -> list[Event]:
    return [event for event in study.corrections(slide) if event.kind == "import"]
