"""``cytoshift evaluate stain``: what a stain method or a stain model does to fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.output import number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, DataError, ModelError

if TYPE_CHECKING:
    from cytoshift.engine import ImageOperator
    from cytoshift.models import Model
    from cytoshift.models.domain import Domain
    from cytoshift.slides import Slide
    from cytoshift.stain import Reference
    from cytoshift.stain.evaluate import StainScore, Target

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}

Field = tuple[Path, float | None]
"""An image and its µm/px."""


def evaluate_stain_(
    method: Annotated[str, typer.Argument(metavar="METHOD_OR_MODEL", help="reinhard, say, or a stain model.")],
    data: Annotated[str, typer.Option(metavar="PATH", help="COCO JSON, its folder, or a folder of images.")],
    truth: Annotated[
        str | None, typer.Option(metavar="PATH", help="A set of images of the same names, as they should be.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="PATH", help="An image, a saved reference, or a model whose domain it is.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only images of this split.")] = None,
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
) -> None:
    """Measure a stain method, field by field: structure kept, distance to the reference, and colour error."""
    from cytoshift.stain.evaluate import evaluate_stain

    if out is not None and not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")
    fields = _fields(data, split)
    truths = None if truth is None else _truths(truth, fields)
    operator, target = _operator(method, reference)
    with bar(f"Measuring {operator.title}") as line:
        slides = _slides(fields, truths, mpp)
        score = evaluate_stain(operator, slides, target=target, report=lambda done: line.count(done, len(fields)))
    if out is not None:
        write_json(out, {"method": method, "data": Path(data).name, "split": split, **score.to_json()})
    _print(score)


def _print(score: StainScore) -> None:
    for name, reason in score.refused.items():
        typer.echo(f"{name} was left out: {reason}", err=True)
    if not score.fields:
        raise DataError("The method can be fitted to none of the fields; choose another method.")
    mean, spread = score.mean(), score.spread()
    rows = [(name, number(mean[name]), f"± {spread[name]:.3f}") for name in mean]
    print_columns([("fields", len(score.fields), ""), *rows])


def _fields(data: str, split: str | None) -> list[Field]:
    from cytoshift.training.coco import data_folder, read_coco

    for place in (Path(data), data_folder() / data):
        if place.is_dir() and not (place / "annotations.json").is_file():
            return _pictures(place, split)
    return [(field.path, field.mpp) for field in read_coco(data, split).fields]


def _pictures(folder: Path, split: str | None) -> list[Field]:
    if split is not None:
        raise DataError(f"{folder} has no annotations.json that would say what split {split} is; leave --split out.")
    pictures = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)
    if not pictures:
        raise DataError(f"There is no image in {folder}; give a folder of images, or COCO JSON.")
    return [(path, None) for path in pictures]


def _truths(truth: str, fields: Sequence[Field]) -> list[Path]:
    there = {path.name: path for path, _ in _fields(truth, None)}
    missing = [path.name for path, _ in fields if path.name not in there]
    if missing:
        raise DataError(f"{truth} has no {missing[0]} ({len(missing)} are missing); it needs images of the same names.")
    return [there[path.name] for path, _ in fields]


def _slides(fields: Sequence[Field], truths: Sequence[Path] | None, mpp: float) -> Iterator[tuple[Slide, Slide | None]]:
    from cytoshift.slides import open_slide

    for k, (path, own) in enumerate(fields):
        scale = own or mpp
        with ExitStack() as stack:
            opened = []
            for each in (path, *([] if truths is None else [truths[k]])):
                slide = open_slide(each)
                stack.callback(slide.close)
                opened.append(slide.calibrated((scale, scale)))
            yield opened[0], opened[1] if truths is not None else None


def _operator(method: str, reference: str | None) -> tuple[ImageOperator, Target | None]:
    """Return the method, and the colours that its result is compared with, where they are known."""
    from cytoshift import stain
    from cytoshift.models import Registry

    if method in stain.METHODS:
        wanted, target = _reference(reference)
        return stain.method(method, wanted), target
    if not (Path(method).exists() or any(card.id == method for card in Registry().list())):
        raise ModelError(f"{method} is no stain method and no model; choose one of {', '.join(stain.METHODS)}.")
    model = Registry().find(method, "stain")
    _, target = _reference(reference) if reference is not None else (None, _target(model.card.domain))
    return _restyler(model), target


def _restyler(model: Model) -> ImageOperator:
    from cytoshift.engine import ImageOperator
    from cytoshift.models import build_operator

    operator = build_operator(model)
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{model.card.id} changes no colours; give a stain model.")
    return operator


def _reference(given: str | None) -> tuple[Reference | None, Target | None]:
    """Return what a method shall aim at, and how its colours are distributed, as far as either is known."""
    from cytoshift.slides import open_slide
    from cytoshift.stain import Reference, open_reference
    from cytoshift.stain.evaluate import Target

    if given is None:
        return None, None
    path = Path(given)
    if path.is_file() and path.suffix.lower() == ".json":
        return open_reference(path), None
    if path.is_file():
        slide = open_slide(path)
        try:
            return Reference.measure(slide), Target.of(slide)
        finally:
            slide.close()
    domain = _domain(given)
    if domain.reference is None:
        raise ModelError(f"The fields of {given} showed too little tissue for a reference; give an image.")
    return Reference.from_json(domain.reference), _target(domain)


def _domain(name: str) -> Domain:
    from cytoshift.models import STARTER, Registry

    registry = Registry()
    tasks = {card.id: card.task for card in registry.list()} | {STARTER: "detector"}
    if name not in tasks:
        raise ModelError(f"There is no image and no model {name}; give the path of an image, or the id of a model.")
    domain = registry.find(name, tasks[name]).card.domain
    if domain is None:
        raise ModelError(f"The card of {name} says nothing of its training domain; give an image.")
    return domain


def _target(domain: Domain | None) -> Target | None:
    import numpy as np

    from cytoshift.stain.evaluate import Target

    return None if domain is None else Target(np.array(domain.rgb), np.array(domain.hue))
