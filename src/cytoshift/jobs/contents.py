"""What a job will use, told before it starts: slides, fields, cells of each class, and what is held back.

One shape for every kind of job. Nothing here needs torch; slides are opened and their tissue is found, so it is called
in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cytoshift.errors import DataError
from cytoshift.jobs.carrying import RECIPE, fields_to_carry
from cytoshift.jobs.restyling import check_needed, fields_of_restyler
from cytoshift.jobs.sources import open_source, source_of
from cytoshift.models import Card
from cytoshift.slides.tissue import find_tissue
from cytoshift.study import Study
from cytoshift.study.dataset import VALIDATION_SHARE
from cytoshift.study.learnable import check_learnable, class_counts, rare
from cytoshift.study.palette import in_order
from cytoshift.study.split import TRAIN, VAL, split_fields
from cytoshift.study.truth import Field, complete_fields
from cytoshift.training.coco import CocoSet, read_coco
from cytoshift.training.domain_files import DomainFields, list_files
from cytoshift.training.recipe import read_recipe


class Row(NamedTuple):
    """One kind of thing that is used: what it is, and how much of it."""

    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a job will use.

    Parameters
    ----------
    rows : tuple of Row
        In the order in which they are read.
    learnt : mapping of str to int
        Cells of each class that are learnt from, in the order of the classes; empty where no cell is.
    held_back : mapping of str to int
        The same of those that are measured with, where they are chosen already.
    """

    rows: tuple[Row, ...]
    learnt: Mapping[str, int] = field(default_factory=dict)
    held_back: Mapping[str, int] = field(default_factory=dict)


NOTHING_HELD_BACK = Row("Held back", "nothing; no label is needed")


def contents_of_corrections(study: str | Path, known: Sequence[str], *, seed: int = 0) -> Contents:
    """Return what a detector would learn from the corrections of a study.

    Parameters
    ----------
    study : path
    known : sequence of str
        Classes of the detector.
    seed : int
        Of the job, which chooses what is held back.

    Raises
    ------
    StudyError
        What is marked complete cannot be learned from, or a slide is not where it was.
    """
    with ExitStack() as stack:
        store = stack.enter_context(Study.open(study, read_only=True))
        sources = [source_of(record) for record in store.slides() if store.regions(record.identity)]
        slides = {source.identity: stack.enter_context(closing(open_source(source))) for source in sources}
        fields, _ = complete_fields(store, slides)
        check_learnable(fields, known, validation_share=VALIDATION_SHARE, seed=seed)
        split = split_fields(fields, VALIDATION_SHARE, seed)
    parts = {name: [one for one, of in split if of == name] for name in (TRAIN, VAL)}
    area = sum(_mm2(one) for one in fields)
    places = f"{_count(len(fields), 'complete field')} on {_count(len(sources), 'slide')}"
    rows = [Row("Fields", f"{places}, {area:.2g} mm²")]
    said = rare(class_counts(fields))
    return Contents(
        (*rows, *([Row("Few", said)] if said else [])),
        _ordered(class_counts(parts[TRAIN])),
        _ordered(class_counts(parts[VAL])),
    )


def contents_of_carrying(parent: Card, look: Card, fields: str = "") -> Contents:
    """Return what a detector would be carried across with.

    Parameters
    ----------
    parent, look : Card
        Of the detector, and of the translator.
    fields : str
        Labelled fields; those that the detector learnt from without.

    Raises
    ------
    DataError
        They are not at hand or cannot be read, or have no cell.
    """
    chosen = fields_to_carry(parent, fields)
    data = read_coco(chosen["path"], chosen.get("split") or None, chosen.get("half") or None)
    cells = cells_of(data)
    if not sum(cells.values()):
        raise DataError(f"No cell is labelled in {data.name}; choose fields that are annotated.")
    share = float(read_recipe(RECIPE)[0]["data"].get("holdout", 0.1))
    rows = (
        Row("Fields", f"{len(data.fields)} of {data.name}, through {look.title}"),
        Row("Held back", f"{share:.0%} of the fields, to choose the best step"),
        Row("Compared", "on fields that neither learnt from, where they are at hand"),
    )
    return Contents(rows, _ordered(cells))


def contents_of_laboratories(source: DomainFields, target: DomainFields) -> Contents:
    """Return what a translator would learn from; DataError or SlideError where a set cannot be used."""
    return Contents((Row("A", amount(source)), Row("B", amount(target)), NOTHING_HELD_BACK))


def contents_of_restyling(slides: DomainFields, parent: Card, fields: DomainFields | None = None) -> Contents:
    """Return what a restyler would learn from.

    Raises
    ------
    DataError
        The fields are not at hand; the slides show too little tissue, or look like the fields already.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    """
    wanted = fields or fields_of_restyler(parent)
    if wanted is None:
        raise DataError("Still missing: fields that look as they should; what the restyler learnt from is not at hand.")
    there = amount(slides)
    far = check_needed(parent, slides)
    rows = [Row("Slides", there), Row("To look like", f"{amount(wanted)} of {list_files(wanted).name}")]
    if far is not None and parent.domain is not None:
        usual = parent.domain.colour.usual[1]
        rows.append(Row("From home", f"{far:.1f}; up to {usual:.1f} is usual"))
    return Contents((*rows, NOTHING_HELD_BACK))


def amount(fields: DomainFields) -> str:
    """Say how much a domain is: ``"2 slides, 41 mm² of tissue"``, ``"58 fields"``.

    Raises
    ------
    DataError
        It is not there, or none of its slides shows tissue.
    SlideError
        A slide cannot be read, or does not say its µm/px.
    """
    files = list_files(fields)
    slides = [file for file in files.files if not file.pixels]
    pictures = len(files.files) - len(slides)
    words = [_count(pictures, "field")] if pictures else []
    if slides:
        area = 0.0
        for file in slides:
            with closing(file.open()) as slide:
                area += find_tissue(slide).area_mm2(slide.frame) or 0.0
        if not area:
            raise DataError(f"There is no tissue in {files.name}; choose other slides.")
        words.append(f"{_count(len(slides), 'slide')}, {area:.2g} mm² of tissue")
    return " and ".join(words)


def cells_of(data: CocoSet) -> dict[str, int]:
    """Return how many cells of each class a data set has."""
    labels = np.concatenate([np.zeros(0, np.int64), *(one.labels for one in data.fields)])
    return dict(zip(data.classes, np.bincount(labels, minlength=len(data.classes)).tolist(), strict=True))


def _mm2(one: Field) -> float:
    """Return the area of a field in mm², 0 where nobody knows its µm/px."""
    mpp_yx = one.view.slide.frame.mpp_yx
    if mpp_yx is None:
        return 0.0
    x0, y0, x1, y1 = one.rectangle
    (down, across), (high, wide) = one.view.level.downsample_yx, mpp_yx
    return (y1 - y0) * down * high * (x1 - x0) * across * wide / 1e6


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the classes that have cells, in the order in which they are read."""
    return {name: counts[name] for name in in_order({name for name, number in counts.items() if number})}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
