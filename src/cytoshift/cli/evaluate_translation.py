"""``cytoshift evaluate translation``: how near a translator comes to its target, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.output import number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, DataError, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cytoshift.engine import ImageOperator
    from cytoshift.training.domain_files import DomainFile
    from cytoshift.translation.evaluate import TranslationScore
    from cytoshift.translation.features import FeatureNetwork

WEIGHTS = (".pth", ".pt")
"""How a file of Inception weights ends."""


def evaluate_translation_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A translation model's id, its folder, or starter.")],
    data: Annotated[str, typer.Option(metavar="SOURCE", help="Fields to translate: COCO JSON, a table or a folder.")],
    target: Annotated[str, typer.Option(metavar="TARGET", help="Fields of the domain they are translated into.")],
    truth: Annotated[
        str | None, typer.Option(metavar="PATH", help="SOURCE's images as the target's scanner shows them.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only images of this split, of either that has splits.")] = None,
    features: Annotated[
        str, typer.Option(metavar="MODEL_OR_INCEPTION.pth", help="Whose features FID and KID compare.")
    ] = "starter",
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Network evaluations per tile.")] = 1,
    crop: Annotated[int | None, typer.Option(metavar="PX", min=32, help="Side of the crops; 256 by default.")] = None,
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
) -> None:
    """Measure a translator: FID, KID x 100, NIQE, HIST, structure kept, seams, and the error where truth is known."""
    from cytoshift.translation.evaluate_fields import evaluate_fields

    if out is not None and not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")
    fields, goal = _files(data, split, mpp), _files(target, split, mpp)
    truths = None if truth is None else _same_names(truth, fields, mpp)
    operator, network = _translator(model, steps), _features(features)
    with bar(f"Translating with {operator.title}") as line:
        result = evaluate_fields(
            operator,
            [field.open for field in fields],
            [field.open for field in goal],
            describer=network,
            truth=None if truths is None else [field.open for field in truths],
            crop=crop,
            report=line.count,
        )
    if out is not None:
        names = {"model": operator.title, "steps": steps, "data": Path(data).name, "target": Path(target).name}
        write_json(out, {**names, "split": split, **result.to_json()})
    _print(result.score)
    for note in result.notes:
        typer.echo(note, err=True)


def _print(score: TranslationScore) -> None:
    print_columns(
        [
            ("images", f"{score.images}, target {score.target_images}, at {score.mpp:g} µm/px"),
            ("crops", f"{score.crops}, target {score.target_crops}, of {score.crop} px"),
            ("features", f"{score.features}, {score.dimensions}"),
        ]
    )
    rows = [("", "translated", "original")]
    for name, key in (
        ("FID", "fid"),
        ("KID x 100", "kid100"),
        ("NIQE", "niqe"),
        ("HIST", "hist"),
        ("HIST, tissue", "hist_tissue"),
        ("Bhattacharyya", "bhattacharyya"),
        ("seam ratio", "seam"),
        ("CIEDE2000", "delta_e"),
        ("levels", "levels"),
    ):
        if (value := getattr(score.seen, key)) is not None:
            rows.append((name, number(value), number(getattr(score.original, key))))
    if score.structure is not None:
        rows.append(("gradient correlation", number(score.structure.gradient_correlation), ""))
        rows.append(("SSIM", number(score.structure.ssim), ""))
    print_columns(rows)


def _files(path: str, split: str | None, mpp: float) -> Sequence[DomainFile]:
    """Return the files of a domain; all of a plain folder, which has no splits."""
    from cytoshift.training.coco import found
    from cytoshift.training.domain_files import DomainFields, list_files

    place = Path(found(path))
    plain = place.is_dir() and not any((place / name).is_file() for name in ("annotations.json", "labels.csv"))
    return list_files(DomainFields(path=path, split=None if plain else split, mpp=mpp)).files


def _same_names(truth: str, fields: Sequence[DomainFile], mpp: float) -> list[DomainFile]:
    there = {file.path.name: file for file in _files(truth, None, mpp)}
    missing = [field.path.name for field in fields if field.path.name not in there]
    if missing:
        raise DataError(f"{truth} has no {missing[0]} ({len(missing)} are missing); it needs images of the same names.")
    return [there[field.path.name] for field in fields]


def _translator(name: str, steps: int) -> ImageOperator:
    from cytoshift.engine import ImageOperator
    from cytoshift.models import Registry, build_operator

    operator = build_operator(Registry().find(name, "translation"), steps=steps)
    if not isinstance(operator, ImageOperator):
        raise ModelError(f"{operator.title} changes no images; give a translation model.")
    return operator


def _features(name: str) -> FeatureNetwork:
    """Return the network whose features are compared: Inception of a file of weights, or a detector's trunk."""
    from cytoshift.models import Registry, build_operator
    from cytoshift.translation.features import TileDescriber, inception_features, trunk_features

    if name.lower().endswith(WEIGHTS):
        return inception_features(name)
    operator = build_operator(Registry().find(name, "detector"))
    if not isinstance(operator, TileDescriber):
        raise ModelError(f"{operator.title} does not describe tiles; give another detector, or Inception's weights.")
    return trunk_features(operator)
