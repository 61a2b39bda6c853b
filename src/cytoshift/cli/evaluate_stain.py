"""``cytoshift evaluate stain``: what a stain method or a stain model does to fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.colours import stain_operator
from cytoshift.cli.output import number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, DataError

if TYPE_CHECKING:
    from cytoshift.models import Domain
    from cytoshift.slides import Slide
    from cytoshift.stain.evaluate import StainScore, Target
    from cytoshift.training.coco import Field


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
    from cytoshift.training.coco import read_fields

    if out is not None and not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")
    fields = read_fields(data, split).fields
    truths = None if truth is None else _truths(truth, fields)
    operator, target = stain_operator(method, reference), _target(method, reference)
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


def _truths(truth: str, fields: Sequence[Field]) -> list[Path]:
    from cytoshift.training.coco import read_fields

    there = {field.path.name: field.path for field in read_fields(truth).fields}
    missing = [field.path.name for field in fields if field.path.name not in there]
    if missing:
        raise DataError(f"{truth} has no {missing[0]} ({len(missing)} are missing); it needs images of the same names.")
    return [there[field.path.name] for field in fields]


def _slides(fields: Sequence[Field], truths: Sequence[Path] | None, mpp: float) -> Iterator[tuple[Slide, Slide | None]]:
    from cytoshift.slides import open_slide

    for k, field in enumerate(fields):
        scale = field.mpp or mpp
        with ExitStack() as stack:
            opened = []
            for each in (field.path, *([] if truths is None else [truths[k]])):
                slide = open_slide(each)
                stack.callback(slide.close)
                opened.append(slide.calibrated((scale, scale)))
            yield opened[0], opened[1] if truths is not None else None


def _target(method: str, reference: str | None) -> Target | None:
    """Return how the colours are distributed that a result is compared with: a saved reference does not say."""
    from cytoshift import stain
    from cytoshift.models import Registry
    from cytoshift.slides import open_slide
    from cytoshift.stain.evaluate import Target

    if reference is None:
        return None if method in stain.METHODS else _colours(Registry().find(method, "stain").card.domain)
    domains = {card.id: card.domain for card in Registry().list()}
    if reference in domains and not Path(reference).exists():
        return _colours(domains[reference])
    if Path(reference).suffix.lower() == ".json":
        return None
    slide = open_slide(reference)
    try:
        return Target.of(slide)
    finally:
        slide.close()


def _colours(domain: Domain | None) -> Target | None:
    import numpy as np

    from cytoshift.stain.evaluate import Target

    return None if domain is None else Target(np.array(domain.rgb), np.array(domain.hue))
