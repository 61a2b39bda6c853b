"""``cytoshift models``: the registry of models, and which one is in use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.models_import import import_model
from cytoshift.cli.models_tree import tree
from cytoshift.cli.output import number, print_columns, print_json
from cytoshift.cli.progress import bar
from cytoshift.errors import ModelError

if TYPE_CHECKING:
    from cytoshift.models import Domain, Registry
    from cytoshift.models.card import Card

app = typer.Typer(help="Models: list, show, import, export, adopt and go back.", no_args_is_help=True)
app.command("import")(import_model)
app.command()(tree)

Id = Annotated[str, typer.Argument(metavar="MODEL", help="A model's id, its folder, or starter.")]
Task = Annotated[
    str | None, typer.Option(help="detector, mitosis, stain or translation, where starter is to be one of them.")
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None, as_json: Json = False
) -> None:
    """List the models; the one in use is marked."""
    registry = _registry()
    cards = registry.list(task)
    if as_json:
        print_json([card.model_dump(mode="json") for card in cards])
        return
    rows = [(_mark(registry, card), card.id, card.task, card.title) for card in cards]
    if rows:
        print_columns(rows)
    else:
        typer.echo("No models yet; import one with: cytoshift models import MODEL")


@app.command()
def show(model: Id, task: Task = None, as_json: Json = False) -> None:
    """Show a model's card: what it does, what it was taught on, how good it is."""
    card = _registry().find(model, _task(model, task)).card
    if as_json:
        print_json(card.model_dump(mode="json"))
        return
    shown = {name: value for name, value in card.model_dump(mode="json").items() if value not in ("", None, {}, [])}
    for name, value in shown.items():
        if name in ("recipe", "architecture", "domain"):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number(entry)}" for key, entry in value.items())
        elif isinstance(value, list):
            value = "; ".join(entry if isinstance(entry, str) else _data(entry) for entry in value)
        typer.echo(f"{name.replace('_', ' ')}: {value}")
    if card.domain is not None:
        typer.echo(f"training domain: {_home(card.domain)}")


@app.command()
def measure(
    model: Id,
    data: Annotated[str, typer.Option(metavar="PATH", help="The fields it was taught on: COCO JSON, or its folder.")],
    split: Annotated[str | None, typer.Option(help="Only images of this split.")] = None,
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    name: Annotated[str | None, typer.Option(help="What the domain is called; the data set's name without.")] = None,
    task: Task = None,
) -> None:
    """Measure a model's training domain, from which the distance of slides is counted, and keep it in its card."""
    from cytoshift.models import build_operator, keep_domain
    from cytoshift.models.gauge import coco_slides, measure_domain
    from cytoshift.training.coco import read_coco

    found, fields = _registry().find(model, _task(model, task)), read_coco(data, split)
    operator = build_operator(found) if found.card.task == "detector" else None
    with bar(f"Measuring {fields.name}") as line:
        domain = measure_domain(
            coco_slides(fields, mpp, report=line.count), name=name or fields.name, operator=operator
        )
    keep_domain(found, domain)
    typer.echo(f"The card of {found.card.id} keeps the training domain {_home(domain)}.")


def _home(domain: Domain) -> str:
    usual = {"colours": domain.colour.usual} | ({} if domain.look is None else {"look": domain.look.usual})
    bands = ", ".join(f"{what} {low:.2f} to {high:.2f}" for what, (low, high) in usual.items())
    return f"{domain.name}, {domain.fields} fields; usual distance: {bands}"


@app.command()
def export(
    model: Id,
    out: Annotated[Path, typer.Argument(metavar="FILE.cytoshift-model", help="The file that is written.")],
    task: Task = None,
) -> None:
    """Write a model to one file that another registry can import."""
    if out.exists():
        raise ModelError(f"{out} already exists; remove it or give another name.")
    typer.echo(f"Wrote {model} to {_registry().export(model, _task(model, task), out)}.")


@app.command()
def adopt(model: Id) -> None:
    """Use a model from now on; `rollback` takes it back."""
    _registry().adopt(model)
    typer.echo(f"{model} is in use.")


@app.command()
def rollback(task: Annotated[str, typer.Argument(metavar="TASK")] = "detector") -> None:
    """Go back to the model that was in use before."""
    typer.echo(f"{_registry().rollback(task)} is in use again.")


def _registry() -> Registry:
    from cytoshift.models import Registry

    return Registry()


def _task(model: str, task: str | None) -> str:
    """Return the task of a model that is named without one; the starter's is the detector's."""
    from cytoshift.models import load_model

    known = {card.id: card.task for card in _registry().list()}
    if task is None and model not in known and Path(model).is_dir():
        return load_model(model).card.task
    return task or known.get(model, "detector")


def _mark(registry: Registry, card: Card) -> str:
    return "*" if registry.adopted(card.task) == card.id else " "


def _data(entry: dict[str, object]) -> str:
    return json.dumps({name: value for name, value in entry.items() if value}, ensure_ascii=False)
