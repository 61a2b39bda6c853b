"""Which model comes from which: the models of a registry as trees, from those that were made first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cytoshift.models.card import Card

DECIDING = ("mAP50", "balanced accuracy")
"""Numbers by which a model is compared with its parent, as their cards name them."""


@dataclass(frozen=True, slots=True)
class Kin:
    """A model and those that were made from it; ``card`` is None for one that is not in the registry any more."""

    id: str
    card: Card | None
    children: tuple[Kin, ...] = ()

    def line(self, depth: int = 0) -> Iterator[tuple[int, Kin]]:
        """Yield it and all that come from it, each before its children, with how far below this one it is."""
        yield depth, self
        for child in self.children:
            yield from child.line(depth + 1)

    def to_json(self, in_use: Mapping[str, str | None]) -> dict[str, Any]:
        """Return it and its children as JSON can hold them; ``in_use`` says by task which model is."""
        known: dict[str, Any] = {"id": self.id, "gone": self.card is None}
        if self.card is not None:
            known |= described(self.card) | {"in_use": in_use.get(self.card.task) == self.id}
        return {**known, "children": [child.to_json(in_use) for child in self.children]}


def trees(cards: Iterable[Card]) -> tuple[Kin, ...]:
    """Return the trees of some models, in the order of their cards; a parent without a card is at the root of its own.

    A model that is given as coming from itself, directly or by way of others, is a root.
    """
    known = {card.id: card for card in cards}
    children: dict[str, list[str]] = {}
    roots: list[str] = []
    for card in known.values():
        if not card.parent or _circular(card, known):
            roots.append(card.id)
        else:
            children.setdefault(card.parent, []).append(card.id)
    gone = [parent for parent in children if parent not in known]

    def grown(name: str) -> Kin:
        return Kin(name, known.get(name), tuple(grown(child) for child in children.get(name, ())))

    return tuple(grown(name) for name in (*roots, *gone))


def described(card: Card) -> dict[str, Any]:
    """Return where a model comes from, as its card says it: parent, data, recipe, seed, code version and numbers."""
    return {
        "title": card.title,
        "task": card.task,
        "parent": card.parent,
        "made": card.made,
        "data": [data.name for data in card.trained_on],
        "recipe": str(card.recipe.get("id", "")),
        "seed": card.seed,
        "code_version": card.code_version,
        "metrics": card.metrics,
    }


def worth(card: Card, *, brief: bool = False) -> str:
    """Say how good a model is, and by how much better than its parent: ``mAP50 0.42 (+0.11, 95 %: +0.03 to +0.19)``.

    With ``brief`` the numbers alone: ``0.42 (+0.11)``.
    """
    name = next((name for name in DECIDING if name in card.metrics), "")
    if not name:
        return ""
    numbers, gain = card.metrics, f"gain {name}"
    said = f"{numbers[name]:.2f}" if brief else f"{name} {numbers[name]:.2f}"
    parent = numbers.get(f"parent {name}")
    change = numbers.get(gain, None if parent is None else numbers[name] - parent)  # of a job without intervals
    if change is None:
        return said
    low, high = numbers.get(f"{gain} low"), numbers.get(f"{gain} high")
    within = "" if brief or low is None or high is None else f", 95 %: {low:+.2f} to {high:+.2f}"
    return f"{said} ({change:+.2f}{within})"


def _circular(card: Card, known: Mapping[str, Card]) -> bool:
    seen = {card.id}
    following = known.get(card.parent)
    while following is not None:
        if following.id in seen:
            return True
        seen.add(following.id)
        following = known.get(following.parent)
    return False
