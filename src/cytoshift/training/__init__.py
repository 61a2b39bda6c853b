"""Training: one loop for every method, with checkpoints, averaged weights, schedules and augmentation."""

from cytoshift.training.loop import Control, Emit, Event, FitResult, fit
from cytoshift.training.recipe import apply_overrides, load_recipe
from cytoshift.training.settings import TrainingSettings
from cytoshift.training.task import TrainingTask

__all__ = [
    "Control",
    "Emit",
    "Event",
    "FitResult",
    "TrainingSettings",
    "TrainingTask",
    "apply_overrides",
    "fit",
    "load_recipe",
]
