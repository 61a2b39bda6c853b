"""What models are called that were taught, what their cards must say, and their parent's numbers beside their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cytoshift.errors import ModelError
from cytoshift.jobs.spec import LearnSpec
from cytoshift.models import Card

_TAUGHT = ", taught in "
_PARENT = "parent "


def taught_id(spec: LearnSpec, job: str) -> str:
    """Return the id of the model that a job makes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"taught-{Path(spec.study).name}-{job}")
    return f"{name[:80]}-{spec.digest}"


def taught_title(spec: LearnSpec, parent: Card) -> str:
    """Return its title: the parent's, and where it was taught last."""
    return parent.title.partition(_TAUGHT)[0] + _TAUGHT + Path(spec.study).name


def mpp_of(card: Card) -> float:
    """Return the µm/px at which a model looks; ModelError where its card does not say."""
    if card.mpp is None:
        raise ModelError(f"The model {card.id} does not say at which µm/px it looks; choose another model.")
    return card.mpp


def beside(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """Return a card's metrics: a model's own numbers, and its parent's on the same data."""
    return {**after, **{_PARENT + name: value for name, value in before.items()}}


def parted(metrics: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return a model's own numbers and its parent's, of a card's metrics."""
    own = {name: value for name, value in metrics.items() if not name.startswith(_PARENT)}
    return own, {name.removeprefix(_PARENT): value for name, value in metrics.items() if name not in own}
