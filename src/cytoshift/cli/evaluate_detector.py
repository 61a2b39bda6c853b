"""``cytoshift evaluate detector``: how good a detector is, with intervals, in numbers and in one figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cytoshift.cli.colours import image_operator, through_build
from cytoshift.cli.opening import Through
from cytoshift.cli.output import interval, number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, ModelError

if TYPE_CHECKING:
    from cytoshift.detection import DetectorScore
    from cytoshift.metrics.f1 import F1Score
    from cytoshift.training.coco import CocoSet

ClassMap = Literal["bethesda", "grade", "abnormal", "cell"]
"""Names of `cytoshift.detection.labels.CLASS_MAPS`, which loads torch."""

FIGURES = (".png", ".pdf", ".svg")
"""Endings of figures."""


def evaluate_detector_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's id, its folder, or starter.")],
    data: Annotated[
        str, typer.Option(metavar="PATH", help="COCO's JSON, its folder, or a table of patches of mitoses.")
    ],
    split: Annotated[str | None, typer.Option(help="Only images of this split.")] = None,
    classes: Annotated[
        ClassMap, typer.Option(help="Names for Bethesda's classes, of the data and the model.")
    ] = "bethesda",
    through: Through = None,
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    resamples: Annotated[
        int, typer.Option(metavar="N", min=0, help="Draws of images for the 95 % intervals; 0 for none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of the draws.")] = 0,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the curves.")] = None,
) -> None:
    """Measure a detector: mAP, AP of each class, FROC, precision, recall, confusions, calibration; with intervals."""
    from cytoshift.detection import evaluate_detector
    from cytoshift.engine import FindingOperator
    from cytoshift.models import Registry, build_operator

    for file in (out, plot):
        if file is not None and not file.absolute().parent.is_dir():
            raise CytoshiftError(f"The folder {file.absolute().parent} for {file.name} is not there; make it first.")
    if plot is not None and plot.suffix.lower() not in FIGURES:
        raise CytoshiftError(f"{plot.name} is no figure; let its name end with one of {', '.join(FIGURES)}.")
    card = (found := Registry().find(model, "detector")).card
    operator = build_operator(found, threshold=0.0)
    if not isinstance(operator, FindingOperator):
        raise ModelError(f"{card.id} finds no cells; give a detector.")
    seen = None if through is None else image_operator(through_build(through))
    with _fields(data, split, mpp) as fields, bar(f"Measuring {card.id}") as line:
        score = evaluate_detector(
            operator,
            fields,
            mpp=mpp,
            threshold=card.threshold,
            thresholds=card.thresholds,
            names=classes,
            through=seen,
            resamples=resamples,
            seed=seed,
            report=line.count,
        )
    asked = {"model": card.id, "data": fields.name, "split": split, "classes": classes, "through": through}
    if out is not None:
        write_json(out, {**asked, **score.to_json()})
    if plot is not None:
        from cytoshift.cli.evaluate_detector_plot import draw_score

        draw_score(score, plot, title=_title(asked))
    _print(score)


@contextmanager
def _fields(data: str, split: str | None, mpp: float) -> Iterator[CocoSet]:
    """Read fields, or lay the patches of a table side by side for as long as they are looked at."""
    from cytoshift.training.coco import read_coco
    from cytoshift.training.table import find_table

    if find_table(data) is None:
        yield read_coco(data, split)
        return
    from cytoshift.mitosis import read_patches
    from cytoshift.mitosis.mosaics import mosaic_fields

    patches = read_patches(data, split)
    with TemporaryDirectory(prefix="cytoshift-") as folder:
        yield mosaic_fields(patches, Path(folder) / "mosaics", mpp=mpp)


def _title(asked: dict[str, str | None]) -> str:
    split = f", split {asked['split']}" if asked["split"] else ""
    through = f", through {asked['through']}" if asked["through"] else ""
    return f"{asked['model']} on {asked['data']}{split}{through}"


def _print(score: DetectorScore) -> None:
    values = {**score.flat(), **score.further, "area, mm²": score.area_mm2}
    whole = [name for name in score.flat() if not name.startswith("AP50 ")]
    whole += ["area, mm²", *(name for name in score.further if " any class" in name or name.startswith("calibration"))]
    print_columns([(name, number(values[name]), interval(score.intervals, name)) for name in whole])
    typer.echo()
    _print_classes(score, values)
    typer.echo()
    rows = zip([*score.classes, "invented"], score.confusion.tolist(), strict=True)
    print_columns([("there / called", *score.classes, "missed"), *((name, *row) for name, row in rows)])
    for name, f1 in score.f1.items():
        _print_f1(name, f1)
    if (drawn := score.intervals) is not None:
        typer.echo(f"\n95 % intervals over {score.images} images: {drawn.resamples} draws, seed {drawn.seed}.")
    for name, reason in score.refused.items():
        typer.echo(f"{name} was looked at as it is: {reason}", err=True)


def _print_classes(score: DetectorScore, values: dict[str, float]) -> None:
    columns = ("AP50", "AP", "FROC", "precision", "recall", "threshold")
    chosen = {f"threshold {name}": value for name, value in score.thresholds.items()}
    known = values | chosen
    rows: list[tuple[str, ...]] = [("class", "cells", columns[0], "95 %", *columns[1:])]
    for place, name in enumerate(score.classes):
        cells = [number(known[key]) if (key := f"{column} {name}") in known else "-" for column in columns]
        there = str(int(score.confusion[place].sum()))
        rows.append((name, there, cells[0], interval(score.intervals, f"AP50 {name}") or "-", *cells[1:]))
    print_columns(rows)


def _print_f1(name: str, score: F1Score) -> None:
    from cytoshift.metrics.f1 import NUMBERS
    from cytoshift.metrics.matching import MITOSIS_UM

    typer.echo(f"\n{name}, found within {MITOSIS_UM:g} µm:")
    rows: list[tuple[str, ...]] = [("threshold", *NUMBERS)]
    rows += [tuple(number(each) for each in row) for row in score.sweep.tolist()[1::2]]
    rows.append((f"{number(score.threshold)} (its own)", *(number(each) for each in score.values)))
    if score.ends is not None:
        rows.append(("95 %", *(f"{number(low)} to {number(high)}" for low, high in score.ends.T.tolist())))
    print_columns(rows)
