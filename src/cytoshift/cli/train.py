"""``cytoshift train`` and ``evaluate``: from a recipe to a model, and what the model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytoshift.cli.evaluate_stain import evaluate_stain_
from cytoshift.cli.evaluate_translation import evaluate_translation_
from cytoshift.cli.outcome import conclude
from cytoshift.cli.output import number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, ModelError

LOW = 0.01
"""Threshold while measuring: average precision needs the whole curve."""

evaluate = typer.Typer(help="Measure a model on annotated data.", no_args_is_help=True)


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE.toml", help="A recipe, or the name of one that ships.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The model will be FOLDER/model.")],
    changes: Annotated[list[str] | None, typer.Option("--set", help="key=value of the recipe.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where FOLDER was left.")] = False,
) -> None:
    """Train a model from a recipe; Ctrl+C stops it and --resume goes on."""
    from cytoshift.jobs import JobError, attach, create
    from cytoshift.jobs.control import FolderControl
    from cytoshift.jobs.runner import run
    from cytoshift.jobs.train import training_spec

    spec = training_spec(recipe, changes or [])
    if not resume:
        create(spec, out)
    elif attach(out).spec.model_dump(exclude={"made", "threads"}) != spec.model_dump(exclude={"made", "threads"}):
        raise JobError(f"{out} was started from another recipe; give that one or another folder.")
    FolderControl(out).clear()
    with bar(spec.title) as line:
        result = run(out, line.event)
    conclude(result)


@evaluate.callback()
def evaluate_() -> None:
    """Measure a model on annotated data."""


@evaluate.command("detector")
def evaluate_detector_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's id, its folder, or starter.")],
    data: Annotated[str, typer.Option(metavar="PATH", help="COCO JSON, or its folder.")],
    split: Annotated[str | None, typer.Option(help="Only images of this split.")] = None,
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
) -> None:
    """Measure a detector: mAP, mAP50 over classes and for each, precision and recall."""
    from cytoshift.detection import evaluate_detector
    from cytoshift.engine import FindingOperator
    from cytoshift.models import Registry, build_operator
    from cytoshift.training.coco import read_coco

    if out is not None and not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")
    fields = read_coco(data, split)
    card = (found := Registry().find(model, "detector")).card
    operator = build_operator(found, threshold=LOW)
    if not isinstance(operator, FindingOperator):
        raise ModelError(f"{card.id} finds no cells; give a detector.")
    with bar(f"Measuring {card.id}") as line:
        score = evaluate_detector(operator, fields, mpp=mpp, threshold=card.threshold, report=line.count)
    if out is not None:
        write_json(out, {"model": card.id, "data": fields.name, "split": split, **score.to_json()})
    print_columns([(name, number(value)) for name, value in score.flat().items()])


evaluate.command("stain")(evaluate_stain_)
evaluate.command("translation")(evaluate_translation_)
