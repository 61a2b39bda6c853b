"""``cytoshift models import``: models of this program, of other programs, and from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from cytoshift.errors import ModelError

if TYPE_CHECKING:
    from cytoshift.models import Model, Registry
    from cytoshift.models.published import Naming

CHECKPOINTS = (".pth", ".pt", ".pkl", ".ckpt")
"""Endings of files that other programs save networks in."""

As = Literal["unsb", "cut", "fastcut", "cyclegan", "turbo", "torchvision", "timm"]
"""Whose network is imported."""

Direction = Literal["a2b", "b2a"]
"""Which way an adapter for unpaired images goes."""


def import_model(
    model: Annotated[str, typer.Argument(help="A model's folder or file, or hf:OWNER/NAME[@REVISION].")],
    published: Annotated[
        As | None,
        typer.Option("--as", help="A network of other code (.pth), or with turbo the folder of SD-Turbo."),
    ] = None,
    mpp: Annotated[float | None, typer.Option(metavar="UM", help="With --as: µm/px that it was taught at.")] = None,
    name: Annotated[str, typer.Option("--id", help="With --as: its id; what --as says without.")] = "",
    title: Annotated[str, typer.Option(help="With --as: the name a person reads; the id without.")] = "",
    classes: Annotated[
        str, typer.Option(metavar="A,B", help="With --as torchvision: its classes, in order, without the background.")
    ] = "",
    network: Annotated[str, typer.Option(metavar="NAME", help="With --as timm: densenet121, resnet50 and so on.")] = "",
    atypical: Annotated[int, typer.Option(help="With --as timm: which output means atypical, counted from 0.")] = 1,
    side: Annotated[int, typer.Option(metavar="PX", help="With --as timm: side of its pictures, of 32 µm.")] = 224,
    mean: Annotated[str, typer.Option(metavar="R,G,B", help="With --as timm: mean of its pictures; ImageNet's.")] = "",
    std: Annotated[str, typer.Option(metavar="R,G,B", help="With --as timm: their deviation; ImageNet's.")] = "",
    adapter: Annotated[
        Path | None, typer.Option(metavar="FILE.pkl", help="With --as turbo: what img2img-turbo's training wrote.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="With --as turbo: the text it was taught with.")] = "",
    direction: Annotated[Direction, typer.Option(help="With --as turbo: b2a for the way back.")] = "a2b",
) -> None:
    """Take a model into the registry."""
    from cytoshift.models import Registry
    from cytoshift.models import published as networks

    registry, path = Registry(), Path(model)
    if published is None:
        told = any((mpp, name, title, classes, network, mean, std, adapter, prompt))
        taken = _with_card(registry, model, told=told)
    else:
        naming = _naming(published, mpp, name, title)
        if published == "turbo":
            if adapter is None:
                raise ModelError(
                    "SD-Turbo translates nothing without an adapter; give the one for your slides: --adapter."
                )
            taken = networks.import_turbo(registry, path, adapter, naming, prompt=prompt, direction=direction)
        elif published == "torchvision":
            named = tuple(part.strip() for part in classes.split(",") if part.strip())
            taken = networks.import_torchvision(registry, path, naming, classes=named)
        elif published == "timm":
            looks = networks.Looks(network, atypical, side, _colours(mean, "--mean"), _colours(std, "--std"))
            taken = networks.import_timm(registry, path, naming, looks)
        else:
            taken = networks.import_published(registry, path, published, naming)
    typer.echo(f"Imported {taken.card.id}; use it with: cytoshift models adopt {taken.card.id}")


def _with_card(registry: Registry, model: str, *, told: bool) -> Model:
    from cytoshift.models.hub import PREFIX, import_hub

    if Path(model).suffix in CHECKPOINTS:
        raise ModelError(
            f"{model} is no model of this program; say whose network it is, --as {', '.join(get_args(As))}."
        )
    if told:
        raise ModelError(f"{model} comes with a card, which says all this; leave the options out, or give --as.")
    if model.startswith(PREFIX):
        return import_hub(registry, model)
    return registry.add(model)


def _naming(published: As, mpp: float | None, name: str, title: str) -> Naming:
    from cytoshift.models.published import Naming

    if mpp is None or not 0 < mpp < float("inf"):
        raise ModelError(
            "What was published says nothing of its µm/px; give --mpp, 0.25 for slides of a 40x objective."
        )
    return Naming(name or published, title or name or published, mpp)


def _colours(text: str, option: str) -> tuple[float, ...] | None:
    if not text:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ModelError(f"'{text}' is no colour; give {option} as three numbers from 0 to 1: 0.5,0.5,0.5.") from error
    return red, green, blue
