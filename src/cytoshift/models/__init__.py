"""Models: a card and weights in a folder, a registry of them, and which is in use. torch loads with the weights."""

from cytoshift.models.adoption import Decision
from cytoshift.models.card import Card, Task, TrainingData
from cytoshift.models.domain import Domain
from cytoshift.models.exchange import export_model
from cytoshift.models.finders import build_finder, find_mitosis_detector
from cytoshift.models.model import Model, keep_domain, load_model, save_model
from cytoshift.models.operators import (
    COLOUR_TASKS,
    build_classifier,
    build_describer,
    build_operator,
    find_colour_model,
)
from cytoshift.models.registry import STARTER, Registry

__all__ = [
    "COLOUR_TASKS",
    "STARTER",
    "Card",
    "Decision",
    "Domain",
    "Model",
    "Registry",
    "Task",
    "TrainingData",
    "build_classifier",
    "build_describer",
    "build_finder",
    "build_operator",
    "export_model",
    "find_colour_model",
    "find_mitosis_detector",
    "keep_domain",
    "load_model",
    "save_model",
]
