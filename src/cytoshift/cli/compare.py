"""``cytoshift compare``: which cells a detector gains, loses or calls otherwise when it looks through other colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.detect import check_folder, detector, find_detector, read_region, search
from cytoshift.cli.opening import DetectorName, Mpp, Region, SlidePath, Through, check_cells, open_calibrated
from cytoshift.cli.output import write_json
from cytoshift.cli.workers import Scheduler
from cytoshift.errors import CytoshiftError, DataError

if TYPE_CHECKING:
    from cytoshift.engine import Box, Delta, Findings
    from cytoshift.engine.delta import Threshold
    from cytoshift.models import Card, Model
    from cytoshift.slides import Slide

SEARCHED_FROM = 0.05
"""Score from which cells are looked for, so that a cell that only crosses the threshold is told from a new one."""


def compare(
    slide: SlidePath,
    model: DetectorName = "starter",
    through: Through = None,
    region: Region = None,
    before: Annotated[
        Path | None, typer.Option(metavar="A.geojson", help="Cells found before; with --after, nothing is searched.")
    ] = None,
    after: Annotated[Path | None, typer.Option(metavar="B.geojson", help="Cells found after.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Score from which a cell counts; the model's own without.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.geojson", help="Write each cell gained, lost or changed.")
    ] = None,
    numbers: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
    mpp: Mpp = None,
    scheduler: Scheduler = None,
) -> None:
    """Search a slide as it is and through other colours, and tell which cells are gained, lost or called otherwise."""
    from cytoshift.engine import compare_findings

    stored = before is not None or after is not None
    _check(stored, before, after, through, region)
    for file in (out, numbers):
        if file is not None:
            check_folder(file)
    box = None if region is None else read_region(region)
    opened = open_calibrated(slide, mpp)
    least: Threshold | None = threshold
    if before is not None and after is not None:
        found = _read(before, opened), _read(after, opened)
    else:
        known = find_detector(model)
        least = _thresholds(known.card) if threshold is None else threshold
        found = _search_twice(opened, known, str(through), box, least, scheduler)
    delta = compare_findings(*found, threshold=least)
    if out is not None:
        from cytoshift.study.formats.geojson_delta import write_delta

        write_delta(out, delta)
    if numbers is not None:
        how = {"before": str(before), "after": str(after)} if stored else {"model": model, "through": through}
        write_json(numbers, {"slide": opened.name, **how, "region": box, "threshold": least, **delta.to_json()})
    _print(delta)


def _check(stored: bool, before: Path | None, after: Path | None, through: str | None, region: str | None) -> None:
    """Say what is missing, or does not go together."""
    if not stored and through is None:
        raise CytoshiftError(
            "There is nothing to compare with; give --through METHOD_OR_MODEL, or two files with --before and --after."
        )
    if stored and (before is None or after is None):
        raise CytoshiftError("Two files of cells are compared; give both --before and --after.")
    if stored and (through is not None or region is not None):
        raise CytoshiftError("--before and --after are compared as they are; leave --through and --region out.")


def _thresholds(card: Card) -> dict[str, float]:
    return {name: card.thresholds.get(name, card.threshold) for name in card.classes}


def _search_twice(
    slide: Slide, model: Model, through: str, region: Box | None, least: Threshold, scheduler: str | None
) -> tuple[Findings, Findings]:
    """Search a slide as it is and through something, below the threshold too."""
    lowest = min(SEARCHED_FROM, least if isinstance(least, float) else min(least.values(), default=1.0))
    operator, build = detector(model, slide, lowest)
    before = search(slide, operator, build, region=region, scheduler=scheduler)
    return before, search(slide, operator, build, region=region, through=through, scheduler=scheduler)


def _read(path: Path, slide: Slide) -> Findings:
    """Read the cells of a GeoJSON file; DataError when there are none but regions, or cells beside the slide."""
    from cytoshift.engine import Findings, Provenance
    from cytoshift.study.formats import geojson

    shapes = geojson.read(path)
    cells = shapes.select(~shapes.drawn)
    if (len(shapes) or shapes.regions) and not len(cells):
        raise DataError(f"{path} holds regions and no cells; export the cells as detections.")
    check_cells(path, cells.boxes, slide)
    made = Provenance(slide=slide.info.identity, model=path.name)
    return Findings(cells.boxes, cells.scores, cells.labels, cells.classes, made, cells.measures)


def _print(delta: Delta) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    rows = delta.table()
    table = Table("class", box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("before", "after", "kept", "gained", "lost", "changed"):
        table.add_column(title, justify="right")
    for row in rows:
        numbers = (row.before, row.after, row.kept, row.gained, row.lost, row.became.total())
        table.add_row(row.name or "without a class", *map(str, numbers))
    sums = [sum(row.before for row in rows), sum(row.after for row in rows)]
    ends = [len(which) for which in (delta.kept, delta.gained, delta.lost, delta.changed)]
    table.add_section()
    table.add_row("all", *map(str, (*sums, *ends)))
    console = Console(highlight=False)
    console.print(table)
    for (was, is_now), count in sorted(delta.transitions().items(), key=lambda item: (-item[1], item[0])):
        typer.echo(f"{count} changed from {was or 'no class'} to {is_now or 'no class'}")
    told = delta.to_json()
    if delta.below_known:
        typer.echo(f"{told['gained_seen_below_threshold']} of the gained were seen before, below the threshold")
        typer.echo(f"{told['lost_seen_below_threshold']} of the lost are still seen, below the threshold")
    if delta.score_change is not None:
        typer.echo(f"{delta.score_change:+.3f} is the mean change of score of the kept")
