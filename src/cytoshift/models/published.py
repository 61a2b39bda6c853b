"""Taking in networks that the authors of methods published, and adapters of a user's own diffusion model."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cytoshift.errors import ModelError
from cytoshift.models.card import Card, Task
from cytoshift.models.model import Model, save_model
from cytoshift.models.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Published = Literal["unsb", "cut", "fastcut", "cyclegan"]


@dataclass(frozen=True)
class Naming:
    """How a network that comes without a card is called, and the µm/px that it was taught at."""

    id: str
    title: str
    mpp: float


def check_taught(card: Card) -> None:
    """Raise ModelError where a model's network is another program's, which is run here and not taught further."""
    if name := card.architecture.get("network"):
        raise ModelError(
            f"{card.title} has a network of another program ({name}), which is run here and not taught further; choose"
            " a model that was trained here, such as starter."
        )


@dataclass(frozen=True)
class Looks:
    """How timm's network looks at a mitosis: what `TimmArchitecture` says; None for what it says by default."""

    network: str
    atypical: int
    side: int
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None

    def given(self) -> dict[str, Any]:
        """Return what is not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def import_published(registry: Registry, path: str | Path, method: Published, naming: Naming) -> Model:
    """Take a generator that UNSB's or CUT's code saved into a registry.

    Raises
    ------
    ModelError
        The file holds anything but tensors, or another network.
    """
    from cytoshift.translation.release import read_release

    architecture, state = read_release(path, method)
    return _added(registry, naming, architecture.model_dump(mode="json"), state)


def import_turbo(
    registry: Registry,
    folder: str | Path,
    adapter: str | Path,
    naming: Naming,
    *,
    prompt: str = "",
    direction: Literal["a2b", "b2a"] = "a2b",
) -> Model:
    """Take an adapter of img2img-turbo into a registry; SD-Turbo stays in its folder, which the card names.

    Raises
    ------
    ModelError
        The extra ``turbo`` is not installed, a part of the folder is missing, or the adapter does not fit.
    """
    from cytoshift.translation.turbo import read_turbo

    architecture, state = read_turbo(folder, adapter, prompt=prompt, direction=direction)
    return _added(registry, naming, architecture.model_dump(mode="json"), state)


def import_torchvision(registry: Registry, path: str | Path, naming: Naming, *, classes: tuple[str, ...]) -> Model:
    """Take a detector that torchvision's code saved into a registry.

    Raises
    ------
    ModelError
        The file holds anything but tensors, or no detector of torchvision with as many classes.
    """
    from cytoshift.detection.published import read_published

    plan, state = read_published(path, classes)
    return _added(registry, naming, plan.model_dump(mode="json"), state, task="detector", classes=classes)


def import_timm(registry: Registry, path: str | Path, naming: Naming, looks: Looks) -> Model:
    """Take a classifier of mitoses that timm's code saved into a registry.

    Raises
    ------
    ModelError
        The extra ``timm`` is not installed, or the file holds anything but tensors, or another network.
    """
    from cytoshift.mitosis.classes import ATYPICAL, NORMAL
    from cytoshift.mitosis.published import read_timm

    plan, state = read_timm(path, looks.given())
    return _added(registry, naming, plan.model_dump(mode="json"), state, task="mitosis", classes=(NORMAL, ATYPICAL))


def _added(
    registry: Registry,
    naming: Naming,
    architecture: dict[str, Any],
    state: dict[str, Tensor],
    *,
    task: Task = "translation",
    classes: tuple[str, ...] = (),
) -> Model:
    card = Card(id=naming.id, title=naming.title, task=task, classes=classes, mpp=naming.mpp, architecture=architecture)
    with tempfile.TemporaryDirectory(prefix="cytoshift-import-") as folder:
        return registry.add(save_model(Path(folder) / "model", card, state).folder)
