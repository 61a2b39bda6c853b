"""``cytoshift study agreement``: how far two readers agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.output import print_columns, print_json
from cytoshift.errors import StudyError

if TYPE_CHECKING:
    from cytoshift.metrics.kappa import Kappa
    from cytoshift.study.agreement import Agreement


def agreement(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")],
    reader: Annotated[
        list[str] | None,
        typer.Option(help="A blinded reader; twice for two of them, once to compare one with the common reading."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how far two readers agree: Cohen's kappa with its 95 % interval, overall and for each class."""
    from cytoshift.study import Study
    from cytoshift.study.agreement import agreement

    named = reader or []
    if len(named) > 2:
        raise StudyError(f"{len(named)} readers were named; agreement is between two.")
    readers = None if not named else ("", named[0]) if len(named) == 1 else (named[0], named[1])
    with Study.open(study, read_only=True) as store:
        found = agreement(store, readers)
    if as_json:
        print_json({"study": str(study), **found.to_json()})
        return
    _print(found)


def _print(found: Agreement) -> None:
    first, second = (name or "common reading" for name in found.readers)
    rows = [("", "cells", "kappa", "95 % interval", "agreed"), ("all classes", *_row(found.kappa, found.kappa.cells))]
    for position, name in enumerate(found.classes):
        said = found.table[position].sum() + found.table[:, position].sum() - found.table[position, position]
        rows.append((name, *_row(found.kappa_of(name), int(said))))
    typer.echo(f"{first} and {second}")
    print_columns(rows)
    left = len(found.disagreements)
    typer.echo(
        f"{left} disagreement{'s' * (left != 1)} to settle, {sum(cell.settled for cell in found.read)} settled, "
        f"{found.unsure} left out because one was unsure."
    )


def _row(kappa: Kappa, cells: int) -> tuple[str, ...]:
    if kappa.value != kappa.value:
        return str(cells), "–", "–", f"{kappa.observed:.0%}" if kappa.cells else "–"
    return str(cells), f"{kappa.value:.2f}", f"{kappa.low:.2f} to {kappa.high:.2f}", f"{kappa.observed:.0%}"
