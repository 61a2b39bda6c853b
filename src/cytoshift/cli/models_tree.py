"""``cytoshift models tree``: which model comes from which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.output import print_json

if TYPE_CHECKING:
    from cytoshift.models.lineage import Kin


def tree(
    task: Annotated[str | None, typer.Option(help="Only models of this task.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw which model comes from which, how much better each is than its parent, and which is in use (*)."""
    from cytoshift.models import Registry
    from cytoshift.models.lineage import trees

    registry = Registry()
    cards = registry.list(task)
    in_use = registry.in_use()
    roots = trees(cards)
    if as_json:
        print_json([root.to_json(in_use) for root in roots])
        return
    if not roots:
        typer.echo("No models yet; import one with: cytoshift models import MODEL")
    for root in roots:
        _draw(root, "", "", set(in_use.values()))


def _draw(kin: Kin, first: str, rest: str, in_use: set[str | None]) -> None:
    typer.echo(first + _words(kin, kin.id in in_use))
    for number, child in enumerate(kin.children, start=1):
        last = number == len(kin.children)
        _draw(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), in_use)


def _words(kin: Kin, in_use: bool) -> str:
    from cytoshift.models.lineage import worth

    if kin.card is None:
        return f"{kin.id} (no longer here)"
    parts = [f"{'* ' if in_use else ''}{kin.id}", kin.card.made[:10], worth(kin.card)]
    return "  ".join(part for part in parts if part)
