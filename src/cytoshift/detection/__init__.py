"""Detection: RetinaNet over whole slides, its recipe, its training and its evaluation."""

import cytoshift.engine.compilers  # noqa: F401  (before anything that imports torchvision)
from cytoshift.detection.evaluate import evaluate_detector
from cytoshift.detection.networks import Architecture, build_network
from cytoshift.detection.operator import DetectorOperator
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.score import DetectorScore
from cytoshift.detection.train import Parent, TrainedDetector, train_detector

__all__ = [
    "Architecture",
    "DetectorOperator",
    "DetectorRecipe",
    "DetectorScore",
    "Parent",
    "TrainedDetector",
    "build_network",
    "evaluate_detector",
    "train_detector",
]
