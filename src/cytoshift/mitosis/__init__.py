"""Mitosis: normal or atypical, in patches and on slides. Nothing here imports torch before it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytoshift.mitosis.classifier import Classified, MitosisClassifier
    from cytoshift.mitosis.counting import Count, Figures, Window, count, place
    from cytoshift.mitosis.duplicates import doubles, refuse_doubles, without_doubles, without_those_of
    from cytoshift.mitosis.evaluate import evaluate_classifier
    from cytoshift.mitosis.finder import MitosisFinder
    from cytoshift.mitosis.hotspot import densest
    from cytoshift.mitosis.patches import PatchSet, joined, read_patches
    from cytoshift.mitosis.places import classify_places
    from cytoshift.mitosis.recipe import MitosisRecipe
    from cytoshift.mitosis.report import Counted
    from cytoshift.mitosis.score import MitosisScore
    from cytoshift.mitosis.split import check_apart, split_slides
    from cytoshift.mitosis.train import ParentClassifier, TrainedClassifier, train_classifier

_HOMES = {
    "classifier": ("Classified", "MitosisClassifier"),
    "counting": ("Count", "Figures", "Window", "count", "place"),
    "duplicates": ("doubles", "refuse_doubles", "without_doubles", "without_those_of"),
    "evaluate": ("evaluate_classifier",),
    "finder": ("MitosisFinder",),
    "hotspot": ("densest",),
    "patches": ("PatchSet", "joined", "read_patches"),
    "places": ("classify_places",),
    "report": ("Counted",),
    "score": ("MitosisScore",),
    "recipe": ("MitosisRecipe",),
    "split": ("check_apart", "split_slides"),
    "train": ("ParentClassifier", "TrainedClassifier", "train_classifier"),
}

__all__ = [
    "Classified",
    "Count",
    "Counted",
    "Figures",
    "MitosisClassifier",
    "MitosisFinder",
    "MitosisRecipe",
    "MitosisScore",
    "ParentClassifier",
    "PatchSet",
    "TrainedClassifier",
    "Window",
    "check_apart",
    "classify_places",
    "count",
    "densest",
    "doubles",
    "evaluate_classifier",
    "joined",
    "place",
    "read_patches",
    "refuse_doubles",
    "split_slides",
    "train_classifier",
    "without_doubles",
    "without_those_of",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: patches can be counted and reviewed without torch being loaded."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"cytoshift.mitosis.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
