"""``cytoshift evaluate mitosis``: how well a classifier tells atypical mitoses from normal ones, on any table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.output import interval, number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError, DataError

if TYPE_CHECKING:
    from cytoshift.mitosis import MitosisScore, PatchSet


def evaluate_mitosis_(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's id, its folder, or starter.")],
    data: Annotated[str, typer.Option(metavar="PATH", help="A table of patches (CSV), or its folder.")],
    split: Annotated[str | None, typer.Option(help="Only rows of this split.")] = None,
    domains: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Say numbers for each value of a column; more of them for combinations."),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only rows with this value in this column.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="The column that says image, slide, label or split, of another name."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Leave out mitoses that this table has, too: one that was learnt from."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help="Call a mitosis atypical from this probability.")
    ] = None,
    mpp: Annotated[float, typer.Option(metavar="UM", min=0.01, help="µm/px of the patches.")] = 0.25,
    resamples: Annotated[
        int, typer.Option(metavar="N", min=0, help="Draws of slides for the 95 % intervals; 0 for none.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of the draws.")] = 0,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
) -> None:
    """Measure a classifier of mitoses: balanced accuracy, sensitivity, specificity, ROC AUC, calibration."""
    from cytoshift.mitosis import read_patches
    from cytoshift.mitosis.evaluate import evaluate_classifier
    from cytoshift.models import Registry, build_classifier

    if out is not None and not out.absolute().parent.is_dir():
        raise CytoshiftError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")
    patches = read_patches(
        data, split, domains=domains or None, where=_pairs("--where", where), columns=_pairs("--column", column)
    )
    for other in without or []:
        patches = _apart(patches, other)
    card = (found := Registry().find(model, "mitosis")).card
    classifier = build_classifier(found)
    with bar(f"Measuring {card.id}") as line:
        score = evaluate_classifier(
            classifier, patches, threshold=threshold, mpp=mpp, resamples=resamples, seed=seed, report=line.count
        )
    if out is not None:
        write_json(out, {"model": card.id, "data": patches.name, "split": split, **score.to_json()})
    _print(score)


def _apart(patches: PatchSet, other: str) -> PatchSet:
    """Return the patches that another table has none of; DataError where too few are left."""
    from cytoshift.mitosis import read_patches, without_those_of

    rest = without_those_of(patches, read_patches(other))
    if len(set(rest.labels.tolist())) < 2:
        raise DataError(
            f"Only {len(rest)} of {len(patches)} patches are not in {other}, and not of both kinds; measure on others."
        )
    typer.echo(
        f"{len(patches) - len(rest)} of {len(patches)} patches are in {other}, too, and were left out.", err=True
    )
    return rest


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or []]
    wrong = [text for text, (_, equals, _) in zip(texts or [], pairs, strict=True) if not equals]
    if wrong:
        raise CytoshiftError(f"{option} {wrong[0]} has no =; write it as NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _print(score: MitosisScore) -> None:
    print_columns([(name, number(value), interval(score.intervals, name)) for name, value in score.flat().items()])
    if score.best:
        typer.echo("\nOn these very patches:")
        print_columns([(name, number(value), interval(score.intervals, name)) for name, value in score.best.items()])
    if score.by_domain:
        typer.echo()
        _print_domains(score)
    (right, wrong), (missed, found) = score.confusion.tolist()
    typer.echo()
    print_columns([("there / called", "normal", "atypical"), ("normal", right, wrong), ("atypical", missed, found)])
    if (drawn := score.intervals) is not None:
        typer.echo(f"\n95 % intervals over {score.slides} slides: {drawn.resamples} draws, seed {drawn.seed}.")


def _print_domains(score: MitosisScore) -> None:
    shown = (
        "patches",
        "atypical",
        "slides",
        "balanced accuracy",
        "95 %",
        "sensitivity",
        "specificity",
        "ROC AUC",
        "best threshold",
    )
    rows: list[tuple[str, ...]] = [("domain", *shown)]
    for domain, known in score.by_domain.items():
        ends = interval(score.intervals, f"balanced accuracy {domain}") or "-"
        cells = [ends if name == "95 %" else number(known[name]) if name in known else "-" for name in shown]
        rows.append((domain, *cells))
    print_columns(rows)
