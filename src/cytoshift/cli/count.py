"""``cytoshift count``: mitoses in a window of a stated area, where they are most frequent or at a given place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.detect import check_folder, read_region
from cytoshift.cli.opening import Mpp, SlidePath, check_cells, open_calibrated
from cytoshift.cli.output import write_json
from cytoshift.errors import CytoshiftError, SlideError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cytoshift.engine import Box
    from cytoshift.mitosis import Figures, Window
    from cytoshift.slides import Slide


@dataclass(frozen=True, slots=True)
class _Source:
    """Cells to be counted, where they come from, and which part of the slide was searched for them."""

    slide: Slide
    figures: Figures
    model: str
    thresholds: Mapping[str, float]
    region: Box | None


def count(
    slide: SlidePath,
    findings: Annotated[
        Path | None, typer.Option(metavar="FILE.geojson", help="Cells of the slide, as detect or QuPath writes them.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="The slide's last search in a study, with its corrections.")
    ] = None,
    area: Annotated[float | None, typer.Option(metavar="MM2", help="Area of the window; 2.37 mm² without.")] = None,
    fields: Annotated[
        float | None, typer.Option(metavar="N", help="High-power fields instead of an area; needs --field-number.")
    ] = None,
    field_number: Annotated[
        float | None, typer.Option(metavar="FN", help="Field number of the eyepiece, in millimetres, such as 22.")
    ] = None,
    objective: Annotated[float, typer.Option(help="Power of the objective of a high-power field.")] = 40.0,
    at: Annotated[
        str | None,
        typer.Option(metavar="X,Y", help="Middle of the window in level-0 pixels; the densest spot without."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="The part that was searched, where it was not all.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which cells that nobody decided on count.")
    ] = None,
    numbers: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
    mpp: Mpp = None,
) -> None:
    """Count mitoses, and atypical ones, in a window of a stated area, and print what a report needs."""
    from cytoshift.mitosis import Counted, densest, place
    from cytoshift.mitosis import count as count_in
    from cytoshift.mitosis.counting import searched

    window = _window(area, fields, field_number, objective)
    middle = None if at is None else _read_point(at)
    box = None if region is None else read_region(region)
    if numbers is not None:
        check_folder(numbers)
    source = _source(open_calibrated(slide, mpp), findings, study, threshold)
    opened = source.slide
    if opened.mpp is None:
        raise SlideError(f"{opened.name} does not say its µm/px, without which no area is known; give it with --mpp.")
    extent, size = searched(opened, box or source.region), window.size(opened.frame)
    spot = densest(source.figures, size, extent) if middle is None else place(size, extent, middle)
    counted = Counted(
        count_in(source.figures, window, spot, opened.frame),
        opened.name,
        opened.frame,
        middle is None,
        source.model,
        source.thresholds,
    )
    if numbers is not None:
        write_json(numbers, counted.to_json())
    for line in counted.lines():
        typer.echo(line)


def _window(area: float | None, fields: float | None, field_number: float | None, objective: float) -> Window:
    from cytoshift.mitosis import Window

    if area is not None and fields is not None:
        raise CytoshiftError("An area is given as mm² or as fields; leave --area or --fields out.")
    if fields is not None:
        if field_number is None:
            raise CytoshiftError("How large a field is depends on the eyepiece; give its --field-number, such as 22.")
        return Window.of_fields(fields, field_number, objective)
    read = {} if field_number is None else {"field_number": field_number}
    given = {} if area is None else {"area_mm2": area}
    return Window(**given, **read, objective=objective)


def _read_point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise CytoshiftError(f"--at {text} is no point; give two numbers X,Y in level-0 pixels.") from None
    return x, y


def _source(slide: Slide, findings: Path | None, study: Path | None, threshold: float | None) -> _Source:
    if (findings is None) == (study is None):
        raise CytoshiftError("Cells come from a file or from a study; give either --findings FILE.geojson or --study.")
    return _of_study(slide, study, threshold) if study is not None else _of_file(slide, Path(str(findings)), threshold)


def _of_file(slide: Slide, file: Path, threshold: float | None) -> _Source:
    from cytoshift.study.formats import geojson
    from cytoshift.study.mitoses import figures_of_annotations

    read = geojson.read(file)
    check_cells(file, read.boxes, slide)
    model = f"{read.model} ({file.name})" if read.model else file.name
    limits = {} if threshold is None else dict.fromkeys(read.classes, threshold)
    return _Source(slide, figures_of_annotations(read, threshold or 0.0), model, limits, None)


def _of_study(slide: Slide, folder: Path, threshold: float | None) -> _Source:
    from cytoshift.study import Study
    from cytoshift.study.mitoses import figures_of_cells

    identity = slide.info.identity
    with Study.open(folder, read_only=True) as store:
        known = store.slide(identity)
        if slide.mpp is None and known.mpp_yx is not None:
            slide = slide.calibrated(known.mpp_yx, known.objective)
        run = next(reversed(store.runs(identity)), "")
        made = store.provenance(run) if run else None
        common, own = _thresholds("" if made is None else made.model, threshold)
        figures = figures_of_cells(store.cells(identity, run, common, own))
        limits = {name: own.get(name, common) for name in store.findings(run).classes} if run else {}
    if made is None:
        return _Source(slide, figures, "hand", {}, None)
    return _Source(slide, figures, made.model, limits, made.region)


def _thresholds(model: str, threshold: float | None) -> tuple[float, Mapping[str, float]]:
    """Return from which scores cells count, of all classes and of single ones: those of the card, as in the window."""
    from cytoshift.models import Registry
    from cytoshift.models.found_by import counted_from, detector_of

    if threshold is not None:
        return threshold, {}
    return counted_from(detector_of(model, Registry().list("detector")))
