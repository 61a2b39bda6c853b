"""The page about one slide of a study: in which order the report says what it tells, and in which words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from cytoshift.report.blocks import (
    Beside,
    Block,
    Crop,
    Facts,
    Figure,
    Figures,
    Gallery,
    Page,
    Row,
    Section,
    Table,
    Words,
)
from cytoshift.report.gather import BAR_UM
from cytoshift.report.pictures import said_length
from cytoshift.report.room import MOST_AUTHORS, MOST_CLASSES, MOST_NOTES, MOST_SOURCES
from cytoshift.study.change import State
from cytoshift.study.coverage import SCREENED, share_words
from cytoshift.study.palette import color_of, severity

if TYPE_CHECKING:
    from cytoshift.metrics.kappa import Kappa
    from cytoshift.report.contents import Decided, Note, SevereCell, SlideReport, Source
    from cytoshift.slides.slide import Slide

NOT_A_DIAGNOSIS = "For research only: this report is not a diagnosis."

LONGEST_NAME, LONGEST_LABEL = 120, 40

THUMBNAIL_SHARE = 0.52

MARKS = {State.PREDICTED: "", State.ACCEPTED: "✓", State.UNSURE: "?", State.ADDED: "+"}
"""What tells of a decision below the picture of a cell, as in the gallery of the review."""


def slide_page(told: SlideReport) -> Page:
    """Return the page of a report."""
    name, study = _cut(told.record.name, LONGEST_NAME), _cut(told.study, LONGEST_LABEL)
    reading = f"reading of {_person(told.reader)}, blinded to all others" if told.reader else "common reading"
    made = f"made {told.made:%Y-%m-%d %H:%M} by {_person(told.author)}"
    figure = Figures(_thumbnail(told))
    side = (Section("The slide", (_facts(told),)), Section("Cells", _cells(told)))
    top: tuple[Block, ...] = (Beside((figure,), side, THUMBNAIL_SHARE),) if figure.figures else side
    return Page(
        heading=name,
        title=f"{name}: report",
        below=f"Report of a slide · study {study} · {reading} · {made}",
        blocks=(
            Words(f"{NOT_A_DIAGNOSIS} {said_undecided(told)}", "warning"),
            *(Words(text, "doubt") for text in _doubts(told)),
            *top,
            *_mitoses(told),
            Section("Where the findings come from", _sources(told.sources)),
            Section("What was decided", _decisions(told)),
            *_gallery(told),
        ),
        footer=f"{NOT_A_DIAGNOSIS} napari-cytoshift {version('napari-cytoshift')} · study {study} · {name}",
    )


def said_undecided(told: SlideReport) -> str:
    """Say how many of the cells nobody has decided on."""
    has = f"{_person(told.reader)} has not decided" if told.reader else "nobody has decided"
    if not told.cells:
        said = "There are no cells to count."
    elif told.undecided == told.cells:
        said = f"{has[0].upper()}{has[1:]} on any of the {told.cells:,} cells: every class is as it was found."
    elif told.undecided:
        said = (
            f"{told.undecided:,} of {told.cells:,} cells are undecided: {has} on them, and their classes are as found."
        )
    else:
        said = f"A person decided on every one of the {told.cells:,} cells."
    more = "1 more is" if told.unsure == 1 else f"{told.unsure:,} more are"
    return f"{said} {more} unsure: a person could not tell." if told.unsure else said


def _doubts(told: SlideReport) -> Iterable[str]:
    if told.missing:
        yield told.missing
    if told.elsewhere:
        one = told.elsewhere == 1
        yield (
            f"Decisions on {told.elsewhere:,} {'cell' if one else 'cells'} of other searches of this slide are "
            f"{'' if one else 'all '}left out: only the cells of one search are counted."
        )


# The slide and its cells


def _thumbnail(told: SlideReport) -> tuple[Figure, ...]:
    if told.thumbnail is None:
        return ()
    said = ["Dots are counted cells in the colours of their classes, the most severe above."] if told.cells else []
    said += ["Black frame: what was searched."] if told.searched_mm2 != told.tissue_mm2 else []
    said += ["Blue frames: annotated completely."] if told.complete else []
    said += ["Purple frame: the mitotic count."] if told.mitoses is not None else []
    return (Figure(told.thumbnail, " ".join(said) or "The whole slide."),)


def _facts(told: SlideReport) -> Facts:
    record, mpp_yx = told.record, told.record.mpp_yx
    rows = [] if told.slide is None else [("Size", said_size(told.slide))]
    rows.append(("µm/px", "unknown: no areas and lengths" if mpp_yx is None else f"{sum(mpp_yx) / 2:.4g}"))
    rows.append(("Objective", "unknown" if record.objective is None else f"{record.objective:g}×"))
    if told.slide is not None:
        rows.append(("Scanner", _cut(told.slide.info.scanner, LONGEST_LABEL) or "unknown"))
    if told.tissue_share is not None:
        area = "" if told.tissue_mm2 is None else f", {told.tissue_mm2:,.2f} mm²"
        rows.append(("Tissue", f"{told.tissue_share:.0%} of the slide{area}"))
    rows.append(("Looked at", _looked_at(told)))
    rows.append(("Fingerprint", record.identity[:16]))
    return Facts(tuple(rows))


def _looked_at(told: SlideReport) -> str:
    if told.screened is None:
        return "not recorded"
    return f"{share_words(told.screened)} of the tissue at {SCREENED:g}× and above"


def said_size(slide: Slide) -> str:
    """Say how large a slide is, in pixels and, where that is known, in millimetres; width first."""
    level, mpp_yx = slide.levels[0], slide.info.mpp_yx
    pixels = f"{level.width:,} × {level.height:,} px"
    if mpp_yx is None:
        return pixels
    return f"{pixels}, {level.width * mpp_yx[1] / 1000:.2f} × {level.height * mpp_yx[0] / 1000:.2f} mm"


def _cells(told: SlideReport) -> tuple[Block, ...]:
    known = told.searched_mm2
    head = ("Class", "Cells", "Decided", "Undecided", *(("per mm²",) if known else ()))
    shown = list(told.counts)
    if len(shown) > MOST_CLASSES:
        often = sorted(shown, key=lambda count: -count.cells)[: MOST_CLASSES - 1]
        shown = [count for count in shown if count in often]
    rows = [
        Row(_numbers(_cut(one.label, LONGEST_LABEL), one.cells, one.decided, one.per_mm2), color_of(one.label))
        for one in shown
    ]
    rest = [count for count in told.counts if count not in shown]
    sums = ((f"{len(rest)} further classes", rest), ("All", told.counts))
    for name, counts in sums:
        if counts:
            density = sum(count.per_mm2 or 0.0 for count in counts) if known else None
            cells, decided = sum(count.cells for count in counts), sum(count.decided for count in counts)
            rows.append(Row(_numbers(name, cells, decided, density)))
    table = (Table(head, tuple(rows), numbers=len(head) - 1),) if told.counts else ()
    return *table, Words(" ".join(_below_counts(told)))


def _numbers(name: str, cells: int, decided: int, per_mm2: float | None) -> tuple[str, ...]:
    density = () if per_mm2 is None else (f"{per_mm2:,.1f}",)
    return (name, f"{cells:,}", f"{decided:,}", f"{cells - decided:,}", *density)


def _below_counts(told: SlideReport) -> Iterable[str]:
    if not told.cells:
        yield "There are none."
    elif told.searched_mm2:
        yield f"Per mm² of the {told.searched_mm2:,.2f} mm² of tissue that were searched."
    elif told.slide is not None:
        why = "no tissue was found where it was searched" if told.searched_mm2 == 0 else "nobody knows its µm/px"
        yield f"No densities: {why}."
    if told.limits:
        yield f"Undecided predictions count from a score of {_limits(told)}."
    if told.rejected or told.unsure:
        yield f"Not counted: {told.rejected:,} rejected, {told.unsure:,} unsure."


def _limits(told: SlideReport) -> str:
    names: dict[str, list[str]] = {}
    for name, score in told.limits.items():
        names.setdefault(f"{score:.2f}", []).append(_cut(name, LONGEST_LABEL))
    if len(names) == 1:
        return next(iter(names))
    return ", ".join(f"{score} ({', '.join(of[:MOST_CLASSES])})" for score, of in names.items())


def _mitoses(told: SlideReport) -> tuple[Section, ...]:
    if told.mitoses is None:
        return ()
    lines = (line.partition(": ") for line in told.mitoses.lines()[1:-1])
    rows = tuple((name, said) for name, _, said in lines)
    half = len(rows) // 2
    return (Section("Mitotic count", (Beside((Facts(rows[:half]),), (Facts(rows[half:]),)),)),)


# Where it comes from, and what was decided


def _sources(sources: Sequence[Source]) -> tuple[Block, ...]:
    if not sources:
        return (Words("Nothing was found, taken in or added on this slide."),)
    shown = sources[:MOST_SOURCES]
    rows = [
        Row(
            (one.key, _cut(one.name, LONGEST_NAME), one.version, one.looked_at, one.made,
             f"{one.cells:,}" if one.key else f"{one.cells:,} found, not counted")
        )
        for one in shown
    ]  # fmt: skip
    if len(sources) > len(shown):
        rows.append(Row(("", f"{len(sources) - len(shown)} further sources", "", "", "", "")))
    return (Table(("", "Found by", "Version", "Where it looked", "Day", "Cells"), tuple(rows), numbers=1),)


def _decisions(told: SlideReport) -> tuple[Block, ...]:
    words = [_said_complete(told)]
    words += [_said_second(one.reader, one.kappa, one.unsettled) for one in told.seconds]
    if not told.decided:
        return Words(" ".join(("Nobody has decided anything.", *words))), *_notes(told.notes)
    shown = list(told.decided[:MOST_AUTHORS])
    head = ["accepted", "rejected", "relabelled", "moved", "added", "unsure", "imported"]
    head = [name for name in head if name != "imported" or any(one.imported for one in told.decided)]
    rows = [Row((_person(one.author), _days(one), *(f"{getattr(one, name):,}" for name in head))) for one in shown]
    rest = told.decided[len(shown) :]
    if rest:
        sums = (f"{sum(getattr(one, name) for one in rest):,}" for name in head)
        rows.append(Row((f"{len(rest)} others", "", *sums)))
    table = Table(("Who", "When", *(name.capitalize() for name in head)), tuple(rows), numbers=len(head))
    return table, Words(" ".join(words)), *_notes(told.notes)


def _notes(notes: Sequence[Note]) -> tuple[Table, ...]:
    """Return what was noted about the slide, the newest first."""
    newest = [Row((_cut(one.text, LONGEST_NAME), _person(one.author), one.time[:10])) for one in reversed(notes)]
    rows, rest = newest[:MOST_NOTES], len(newest[MOST_NOTES:])
    rows += [Row((f"{rest} earlier {'note' if rest == 1 else 'notes'}", "", ""))] if rest else []
    return (Table(("Noted about the slide", "Who", "When"), tuple(rows)),) if rows else ()


def _days(one: Decided) -> str:
    first, last = one.first[:10], one.last[:10]
    return first if first == last else f"{first} to {last}"


def _said_complete(told: SlideReport) -> str:
    if not told.complete:
        return "No field is marked as completely annotated."
    fields = "1 field is" if told.complete == 1 else f"{told.complete:,} fields are"
    area = "" if told.complete_mm2 is None else f", {told.complete_mm2:.3g} mm²{' together' * (told.complete > 1)}"
    return f"{fields} marked as completely annotated{area}."


def _said_second(reader: str, kappa: Kappa, unsettled: int) -> str:
    who = f"{_person(reader)}, a blinded second reader"
    left = f"{unsettled:,} {'disagreement' if unsettled == 1 else 'disagreements'} to settle"
    if kappa.value != kappa.value:
        return f"{who}: too little decided by both for κ, {left}."
    interval = f"95 % interval {kappa.low:.2f} to {kappa.high:.2f}"
    return f"{who}: κ {kappa.value:.2f} ({interval}) over {kappa.cells:,} cells that both decided on, {left}."


# The gallery


def _gallery(told: SlideReport) -> tuple[Section, ...]:
    if not any(cell.picture is not None for cell in told.severe):
        return ()
    size = "the same number of pixels" if told.crop_um is None else said_length(told.crop_um)
    bar = "" if told.crop_um is None else f" and its bar {said_length(BAR_UM)} long"
    words = (
        f"Every picture is {size} wide{bar}. ✓ accepted, + added, ? unsure, without a mark undecided. Then the score "
        "of what found it, or the class that it gave, and the letter of the source."
    )
    ranked = any(severity(cell.label) >= 0 for cell in told.severe)
    title = "The most severe cells" if ranked else "The surest cells, those decided on first"
    return (Section(title, (Words(words), Gallery(tuple(map(_crop, told.severe))))),)


def _crop(cell: SevereCell) -> Crop:
    assert cell.picture is not None  # all of a slide have one, or none
    x0, y0, x1, y1 = cell.box
    given = "" if cell.score is None else f"{cell.score:.2f}"
    given = f"was {_cut(cell.was, LONGEST_LABEL)}" if cell.was else given
    said = " · ".join(part for part in (given, cell.source) if part)
    lines = (_cut(cell.label, LONGEST_LABEL), f"{MARKS[cell.state]} {said}".lstrip())
    return Crop(cell.picture, lines, f"x {(x0 + x1) / 2:.0f}, y {(y0 + y1) / 2:.0f}", color_of(cell.label))


def _person(name: str) -> str:
    return _cut(name, LONGEST_LABEL)


def _cut(text: str, most: int) -> str:
    """Return a text that came from outside, cut so that it leaves room for the rest of the page."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
