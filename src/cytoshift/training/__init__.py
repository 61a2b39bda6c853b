"""Training: one loop for every method, with checkpoints, averaged weights, schedules and augmentation.

Nothing here imports torch before it is needed: data sets and tables are read without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytoshift.training.domain_files import DomainFields
    from cytoshift.training.loop import Emit, Event, FitResult, fit
    from cytoshift.training.recipe import apply_overrides, load_recipe
    from cytoshift.training.settings import TrainingSettings
    from cytoshift.training.task import TrainingTask
    from cytoshift.training.wishes import Control

_HOMES = {
    "domain_files": ("DomainFields",),
    "loop": ("Emit", "Event", "FitResult", "fit"),
    "recipe": ("apply_overrides", "load_recipe"),
    "settings": ("TrainingSettings",),
    "task": ("TrainingTask",),
    "wishes": ("Control",),
}

__all__ = [
    "Control",
    "DomainFields",
    "Emit",
    "Event",
    "FitResult",
    "TrainingSettings",
    "TrainingTask",
    "apply_overrides",
    "fit",
    "load_recipe",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"cytoshift.training.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
