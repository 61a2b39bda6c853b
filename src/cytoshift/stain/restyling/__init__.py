"""Restyling: a slide redrawn by a network in the colours of another scanner (the stain-normalization paper)."""

import cytoshift.engine.compilers  # noqa: F401  (before anything that imports torchvision)
from cytoshift.stain.restyling.operator import Restyler
from cytoshift.stain.restyling.recipe import RestainRecipe
from cytoshift.stain.restyling.train import ParentRestyler, TrainedRestyler, train_restyler

__all__ = ["ParentRestyler", "RestainRecipe", "Restyler", "TrainedRestyler", "train_restyler"]
