"""``cytoshift detect``: find cells on a slide and write them as GeoJSON."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.colours import image_operator, through_build
from cytoshift.cli.opening import DetectorName, Mpp, Region, SlidePath, Through, open_calibrated
from cytoshift.cli.output import print_columns
from cytoshift.cli.progress import bar
from cytoshift.cli.workers import Scheduler, sent, workers
from cytoshift.errors import CytoshiftError, ModelError

if TYPE_CHECKING:
    from cytoshift.engine import Box, Build, FindingOperator, Findings, ImageOperator
    from cytoshift.models import Model
    from cytoshift.slides import Slide


def detect(
    slide: SlidePath,
    out: Annotated[Path, typer.Option(metavar="FILE.geojson", help="Where the cells are written.")],
    model: DetectorName = "starter",
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Find mitoses, and classify them by this model: an id, a folder or starter."
        ),
    ] = None,
    through: Through = None,
    region: Region = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Lowest score kept; the model's own without.")
    ] = None,
    mpp: Mpp = None,
    scheduler: Scheduler = None,
) -> None:
    """Find cells and write them as GeoJSON that QuPath opens."""
    box = None if region is None else read_region(region)
    check_folder(out)
    opened = open_calibrated(slide, mpp)
    if classifier is None:
        operator, build = detector(find_detector(model), opened, threshold)
    else:
        operator, build = finder(model, classifier, opened, threshold)
    findings = search(opened, operator, build, region=box, through=through, scheduler=scheduler, journal=_journal(out))
    _write(findings, out)
    counts = Counter(findings.classes[label] for label in findings.labels.tolist())
    typer.echo(f"Wrote {len(findings)} cells to {out}.")
    print_columns([(name, counts[name]) for name in findings.classes if counts[name]])


def read_region(text: str) -> Box:
    """Read ``X0,Y0,X1,Y1``; CytoshiftError when it is no box."""
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0.0
    if not (x0 < x1 and y0 < y1):
        raise CytoshiftError(
            f"--region {text} is no box; give four numbers X0,Y0,X1,Y1 in level-0 pixels, X0 < X1 and Y0 < Y1."
        )
    return (x0, y0, x1, y1)


def check_folder(out: Path) -> None:
    """Say before anything is searched when there is no folder for its result; CytoshiftError."""
    if not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")


def find_detector(model: str) -> Model:
    """Return a detector by its id or folder; raises ModelError."""
    from cytoshift.models import Registry

    return Registry().find(model, "detector")


def detector(model: Model, slide: Slide, threshold: float | None) -> tuple[FindingOperator, Build]:
    """Return the operator of a detector for a slide, and what makes it; raises CytoshiftError."""
    from cytoshift.engine import FindingOperator
    from cytoshift.models.builds import model_build

    build = model_build(model, threshold=threshold)
    operator = build()
    if not isinstance(operator, FindingOperator):
        raise ModelError(f"{operator.title} finds no cells; give a detector with --model.")
    if slide.mpp is None and operator.needs.mpp is not None:
        raise CytoshiftError(f"{slide.name} does not say its µm/px, which the model needs; give it with --mpp.")
    return operator, build


def finder(model: str, classifier: str, slide: Slide, threshold: float | None) -> tuple[FindingOperator, Build]:
    """Return what finds and classifies mitoses on a slide, and what makes it; raises CytoshiftError.

    ``starter`` is the detector of mitoses in use.
    """
    from cytoshift.engine import FindingOperator
    from cytoshift.models import STARTER, Registry, find_mitosis_detector
    from cytoshift.models.builds import finder_build

    registry = Registry()
    found = find_mitosis_detector(registry) if model == STARTER else registry.find(model, "detector")
    build = finder_build(found, registry.find(classifier, "mitosis"), threshold=threshold)
    if slide.mpp is None:
        raise CytoshiftError(f"{slide.name} does not say its µm/px, which the model needs; give it with --mpp.")
    operator = build()
    assert isinstance(operator, FindingOperator)
    return operator, build


def search(
    slide: Slide,
    operator: FindingOperator,
    build: Build,
    *,
    region: Box | None = None,
    through: str | None = None,
    scheduler: str | None = None,
    journal: Path | None = None,
) -> Findings:
    """Search a region of a slide, or its tissue, with a bar; through a method or model where one is named."""
    from cytoshift.engine import run_findings
    from cytoshift.slides.tissue import find_tissue

    seen, build_seen = (None, None) if through is None else _prepared(through, slide)
    title = f"Searching {slide.name}" if through is None else f"Searching {slide.name} through {through}"
    with workers(scheduler, build, build_seen) as remote, bar(title) as line:
        return run_findings(
            slide,
            operator,
            region=region,
            tissue=find_tissue(slide) if region is None else None,
            journal=journal,
            report=line.report,
            through=seen,
            remote=remote,
        )


def _prepared(through: str, slide: Slide) -> tuple[ImageOperator, Build]:
    """Return what a slide is looked at through, and how workers make it."""
    build = through_build(through)
    seen = image_operator(build).prepare(slide)
    return seen, sent(seen, build)


def _journal(out: Path) -> Path:
    return out.with_name(out.name + ".partial")


def _write(findings: Findings, out: Path) -> None:
    from cytoshift.study.formats import geojson

    geojson.write(out, findings)
    shutil.rmtree(_journal(out), ignore_errors=True)
