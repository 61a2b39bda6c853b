"""From a study to what the report of one of its slides tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cytoshift.author import login_name
from cytoshift.errors import ReportError, SlideError
from cytoshift.mitosis.classes import finds_mitoses
from cytoshift.mitosis.counting import Window, count, searched
from cytoshift.mitosis.hotspot import densest
from cytoshift.mitosis.report import Counted
from cytoshift.models.found_by import counted_from, detector_of
from cytoshift.report import pictures
from cytoshift.report.areas import tissue_mm2, whole, within
from cytoshift.report.contents import Second, SevereCell, SlideReport
from cytoshift.report.counts import class_counts, counted, most_severe, source_of, sources_of
from cytoshift.report.decisions import decided_by, decided_elsewhere, notes_about
from cytoshift.report.room import crops_with_room
from cytoshift.slides import open_slide
from cytoshift.slides.tissue import find_tissue
from cytoshift.study.agreement import agreement, blinded_readers
from cytoshift.study.change import State
from cytoshift.study.coverage import coverage_share
from cytoshift.study.mitoses import figures_of_cells
from cytoshift.study.palette import RGBColor, color_of, severity
from cytoshift.study.relocate import lies_at, relocate

if TYPE_CHECKING:
    from PIL.Image import Image

    from cytoshift.engine.findings import Box, Provenance
    from cytoshift.models.registry import Registry
    from cytoshift.slides.slide import Slide
    from cytoshift.study import Cells, Region, SlideRecord, Study

CROP_UM, CROP_PIXELS, CROP_SIDE = 48.0, 192, 192
"""Width of what a picture shows, in µm and, where nobody knows µm/px, in level-0 pixels; side of it in its own."""

BAR_UM = 10.0
"""Length of the bar in the picture of a cell."""

SEARCHED, COMPLETE, HOTSPOT = (0, 0, 0), (0, 114, 178), (170, 51, 119)
"""Colours of the frames in the overview; the last two are Okabe and Ito's blue and Tol's purple."""

FRAME = 3
"""Width of these frames in the overview's own pixels."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a slide is to be reported.

    Parameters
    ----------
    run : str, optional
        Whose predictions: the last search's by default, none for ``""``.
    limits : tuple of float and mapping, optional
        Scores from which predictions that nobody decided on are counted: of all classes, and of single ones by name.
        Those on the card of the model by default.
    window : Window
        Of the mitotic count, on the densest spot.
    counted : Counted, optional
        A mitotic count that a person made, in place of that.
    crops : int, optional
        Most severe cells that are shown; as many as a sheet has room for by default.
    """

    run: str | None = None
    limits: tuple[float, Mapping[str, float]] | None = None
    window: Window = field(default_factory=Window)
    counted: Counted | None = None
    crops: int | None = None


def report_of(
    study: Study, identity: str, registry: Registry, slide: Slide | None = None, wanted: Wanted | None = None
) -> SlideReport:
    """Gather what the report of a slide tells, in the reading that the study is in.

    A blinded reader's report holds that reader's decisions only. Where the slide cannot be found or read, the report
    has no pictures and no areas, and says so.

    Parameters
    ----------
    study : Study
    identity : str
        Of the slide.
    registry : Registry
        Models whose titles and thresholds are known.
    slide : Slide, optional
        The slide itself where it is open; it is looked for without.
    wanted : Wanted, optional

    Raises
    ------
    StudyError
        The study has no such slide, or no such run.
    ReportError
        Somebody else began to read meanwhile: no reading may be mixed with another.
    """
    wanted, reader = wanted or Wanted(), study.reader
    record, searches = study.slide(identity), study.searches(identity)
    run = wanted.run if wanted.run is not None else next((run for run, _, _ in reversed(searches)), "")
    made = next((made for one, made, _ in searches if one == run), None)
    cards = registry.list()
    common, own = wanted.limits or counted_from(detector_of("" if made is None else made.model, cards))
    cells = study.cells(identity, run, common, own)
    corrections, regions = study.corrections(identity), study.regions(identity)
    imports = [event for event in corrections if event.kind == "import"]
    sources, keys = sources_of(cells, searches, imports, cards)
    counts, decided, notes = class_counts(cells, None, None), decided_by(corrections), notes_about(corrections)
    mitoses = finds_mitoses(cells.classes)
    room = crops_with_room(len(counts), len(sources), len(decided), len(notes), mitoses=mitoses)
    told = SlideReport(
        study=study.folder.resolve().name,
        reader=reader,
        record=record,
        slide=None,
        missing="",
        made=datetime.now().astimezone(),
        author=login_name(),
        counts=counts,
        unsure=int(np.count_nonzero(cells.states == State.UNSURE)),
        rejected=int(np.count_nonzero(cells.states == State.REJECTED)),
        limits={} if made is None else {name: own.get(name, common) for name in study.findings(run).classes},
        searched_mm2=None,
        tissue_share=None,
        tissue_mm2=None,
        screened=coverage_share(study, identity),
        sources=sources,
        decided=decided,
        elsewhere=decided_elsewhere(corrections, {source for _, source in cells.ids.sources}),
        complete=len(regions),
        complete_mm2=_area(regions, record),
        notes=notes,
        seconds=_seconds(study, identity),
        severe=_severe(study, cells, keys, room if wanted.crops is None else wanted.crops),
    )
    if study.reader != reader:
        raise ReportError(f"Another reader began while {record.name} was reported; make the report again.")
    opened = None
    try:
        opened = slide or _open(study, record)
        return _with_slide(told, _calibrated(opened, record), cells, regions, made, wanted)
    except SlideError as error:
        return replace(told, missing=f"This report has no pictures and no areas: {error}")
    finally:
        if opened is not None and slide is None:
            opened.close()


# What a study alone tells


def _area(regions: tuple[Region, ...], record: SlideRecord) -> float | None:
    """Return the mm² of regions together, what several of them cover once; None while nobody knows µm/px."""
    if record.mpp_yx is None:
        return None
    from shapely import box, unary_union

    return float(unary_union([box(*region.box) for region in regions]).area * np.prod(record.mpp_yx) / 1e6)


def _seconds(study: Study, identity: str) -> tuple[Second, ...]:
    """Return the second readers of a slide; whoever reads blinded is told of nobody."""
    if study.reader:
        return ()
    found = []
    for name in blinded_readers(study):
        if study.corrections(identity, name):
            compared = agreement(study, ("", name), [identity])
            found.append(Second(name, compared.kappa, len(compared.disagreements)))
    return tuple(found)


def _severe(study: Study, cells: Cells, keys: Mapping[int, str], number: int) -> tuple[SevereCell, ...]:
    which = most_severe(cells, number)
    chosen, found = cells.select(which), []
    for at, source in enumerate(source_of(chosen).tolist()):
        label, was = chosen.label(at), ""
        if source >= 0:
            start, identifier = cells.ids.sources[source]
            given = study.findings(identifier)
            was = given.classes[given.labels[int(chosen.ids.numbers[at]) - start]]
        x0, y0, x1, y1 = chosen.boxes[at].tolist()
        found.append(
            SevereCell(
                label,
                State(int(chosen.states[at])),
                float(chosen.scores[at]) if source >= 0 else None,
                was if was != label else "",
                keys[source],
                (x0, y0, x1, y1),
                None,
            )
        )
    return tuple(found)


# What needs the slide


def _open(study: Study, record: SlideRecord) -> Slide:
    """Open a slide where it lies now; SlideError where it is not found, or another lies in its place."""
    path = lies_at(record) or relocate(study).get(record.identity)
    if path is None:
        last = record.paths[0] if record.paths else "no file"
        raise SlideError(f"{record.name} was not found, last seen as {last}; add it to the study from where it lies.")
    slide = open_slide(path)
    if slide.info.identity != record.identity:
        raise SlideError(f"{Path(path).name} is another slide than it was; add {record.name} from where it lies now.")
    return slide


def _calibrated(slide: Slide, record: SlideRecord) -> Slide:
    """Return a slide with the µm/px that the study knows."""
    known = record.mpp_yx
    return slide if known is None or known == slide.info.mpp_yx else slide.calibrated(known, record.objective)


def _with_slide(
    told: SlideReport,
    slide: Slide,
    cells: Cells,
    regions: tuple[Region, ...],
    made: Provenance | None,
    wanted: Wanted,
) -> SlideReport:
    tissue = find_tissue(slide)
    part = within(slide, None if made is None else made.region)
    area = tissue_mm2(slide, tissue, part)
    mitoses = _mitoses(slide, cells, made, told.limits, wanted)
    return replace(
        told,
        slide=slide,
        counts=class_counts(cells, part, area),
        searched_mm2=area,
        tissue_share=tissue.fraction,
        tissue_mm2=tissue.area_mm2(slide.frame),
        mitoses=mitoses,
        thumbnail=_thumbnail(slide, cells, part, regions, mitoses),
        severe=tuple(cell._replace(picture=_crop(slide, cell.box)) for cell in told.severe),
        crop_um=None if slide.mpp is None else CROP_UM,
    )


def _mitoses(
    slide: Slide, cells: Cells, made: Provenance | None, limits: Mapping[str, float], wanted: Wanted
) -> Counted | None:
    if wanted.counted is not None or slide.mpp is None or not finds_mitoses(cells.classes):
        return wanted.counted
    figures = figures_of_cells(cells)
    extent = searched(slide, None if made is None else made.region)
    spot = densest(figures, wanted.window.size(slide.frame), extent)
    said = count(figures, wanted.window, spot, slide.frame)
    return Counted(said, slide.name, slide.frame, True, "hand" if made is None else made.model, limits)


def _thumbnail(slide: Slide, cells: Cells, part: Box, regions: tuple[Region, ...], mitoses: Counted | None) -> Image:
    """Return the slide with its cells as dots, the most severe above, and frames around what matters."""
    picture = pictures.overview(slide)
    level = slide.levels[0]
    across, down = picture.width / level.width, picture.height / level.height
    kept = cells.select(counted(cells))
    middles = (kept.boxes[:, :2] + kept.boxes[:, 2:]) / 2 * (across, down)
    order = sorted(range(len(kept.classes)), key=lambda at: severity(kept.classes[at]))
    groups = [(middles[kept.labels == at], color_of(kept.classes[at])) for at in order]
    dotted = pictures.with_dots(picture, groups)
    frames: list[tuple[Box, RGBColor, int]] = [(region.box, COMPLETE, 0) for region in regions]
    frames += [(part, SEARCHED, FRAME)] if part != whole(slide) else []  # around others that are as large
    frames += [(mitoses.count.box, HOTSPOT, 0)] if mitoses is not None else []
    for (x0, y0, x1, y1), color, more in frames:
        box = (x0 * across - more, y0 * down - more, x1 * across + more, y1 * down + more)
        dotted = pictures.with_frame(dotted, box, color, FRAME)
    return dotted if slide.mpp is None else pictures.with_bar(dotted, slide.mpp / across)


def _crop(slide: Slide, box: Box) -> Image:
    if slide.mpp is None:
        return pictures.around(slide, box, CROP_PIXELS, CROP_SIDE)
    picture = pictures.around(slide, box, CROP_UM / slide.mpp, CROP_SIDE)
    return pictures.with_bar(picture, CROP_UM / CROP_SIDE, BAR_UM)
