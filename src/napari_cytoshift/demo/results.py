"""What the demo leaves in its folder: the cells, the slide in other colours, and the report."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift import stain
from cytoshift.engine import DerivedSlide, run_image
from cytoshift.errors import CytoshiftError
from cytoshift.report import write_page
from cytoshift.study.formats import geojson
from napari_cytoshift.demo.contents import Command, Contents, Picture
from napari_cytoshift.demo.page import demo_page
from napari_cytoshift.demo.subject import METHOD, Subject
from napari_cytoshift.demo.terminal import bar

if TYPE_CHECKING:
    from cytoshift.engine.findings import Findings
    from cytoshift.engine.operator import ImageOperator

CELLS = "findings.geojson"
NORMALIZED = "normalized.ome.zarr"
REPORT = "report.html"


def write_results(subject: Subject, findings: Findings, pictures: list[Picture], folder: Path) -> Path:
    """Write everything but the screenshots, which are there already.

    Parameters
    ----------
    subject : Subject
    findings : Findings
        What was found, from the lowest scores on.
    pictures : list of Picture
        The screenshots.
    folder : Path
        What an earlier demo wrote there is replaced.

    Returns
    -------
    Path
        The report.
    """
    findings = _sure(findings, subject.model.card.threshold)
    geojson.write(folder / CELLS, findings)
    operator, doubt = _operator(subject)
    seen = subject.slide if operator is None else DerivedSlide(subject.slide, operator)
    with bar("Writing the report"):
        contents = Contents(
            slide=subject.slide,
            seen=seen,
            method="Unchanged" if operator is None else f"Through {operator.title}",
            doubt=doubt,
            findings=findings,
            card=subject.model.card,
            tissue=subject.tissue,
            screenshots=tuple(pictures),
            commands=tuple(_commands(subject, operator)),
        )
        write_page(folder / REPORT, demo_page(contents))
    if operator is not None:
        shutil.rmtree(folder / NORMALIZED, ignore_errors=True)
        with bar("Writing the slide in other colours") as line:
            run_image(subject.slide, operator, folder / NORMALIZED, report=line.report)
    return folder / REPORT


def _sure(findings: Findings, threshold: float) -> Findings:
    """Return the cells from the score on that the model's card names; the window keeps the others as well."""
    sure = findings.select(findings.scores >= threshold)
    return replace(sure, provenance=replace(sure.provenance, threshold=threshold))


def _operator(subject: Subject) -> tuple[ImageOperator | None, str]:
    """Return the fitted method and what is doubtful about it; None where the slide's colours cannot be changed."""
    try:
        fitted = stain.method(METHOD).prepare(subject.slide)
    except CytoshiftError as error:
        return None, str(error)
    return fitted, fitted.diagnosis


def _commands(subject: Subject, operator: ImageOperator | None) -> list[Command]:
    slide, mpp = subject.slide.info.path, ["--mpp", f"{subject.slide.mpp:g}"]
    search = ["detect", slide, "--model", subject.model.card.id, *mpp, "--out", CELLS]
    search += [] if operator is None else ["--through", METHOD]
    search += [] if subject.region is None else ["--region", ",".join(f"{value:.0f}" for value in subject.region)]
    return [
        Command("Say what the slide is", _line("info", slide)),
        Command("Write it in other colours", _line("normalize", slide, NORMALIZED, "--method", METHOD)),
        Command("Find the cells", _line(*search)),
        Command("Do all of this again", _line("demo", "--slide", slide)),
    ]


def _line(*words: str) -> str:
    return shlex.join(("cytoshift", *words))
