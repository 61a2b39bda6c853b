"""``cytoshift train`` and ``evaluate``: from a recipe to a model, and what the model is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.evaluate_detector import evaluate_detector_
from cytoshift.cli.evaluate_mitosis import evaluate_mitosis_
from cytoshift.cli.evaluate_stain import evaluate_stain_
from cytoshift.cli.evaluate_translation import evaluate_translation_
from cytoshift.cli.outcome import conclude
from cytoshift.cli.progress import bar

if TYPE_CHECKING:
    from cytoshift.jobs import TrainSpec

evaluate = typer.Typer(help="Measure a model on annotated data.", no_args_is_help=True)


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE.toml", help="A recipe, or the name of one that ships.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The model will be FOLDER/model.")],
    changes: Annotated[list[str] | None, typer.Option("--set", help="key=value of the recipe.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where FOLDER was left.")] = False,
) -> None:
    """Train a model from a recipe; Ctrl+C stops it and --resume goes on. Started by torchrun, on several devices."""
    from cytoshift.jobs.train import take_part, training_spec
    from cytoshift.training.ranks import joined

    spec = training_spec(recipe, changes or [])
    with joined(spec.device) as ranks:
        spec = spec.model_copy(update={"threads": ranks.threads(spec.threads)})
        if ranks.first:
            _train(spec, out, resume)
        else:
            take_part(spec, out)


def _train(spec: TrainSpec, out: Path, resume: bool) -> None:
    """Run the job, and say how it ended."""
    from cytoshift.jobs import JobError, attach, create
    from cytoshift.jobs.control import FolderControl
    from cytoshift.jobs.runner import run

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


evaluate.command("detector")(evaluate_detector_)
evaluate.command("mitosis")(evaluate_mitosis_)
evaluate.command("stain")(evaluate_stain_)
evaluate.command("translation")(evaluate_translation_)
