"""Detection: RetinaNet over whole slides, its recipe, its training and its evaluation."""

import cytoshift.detection.compilers  # noqa: F401  (before anything that imports torchvision)
from cytoshift.detection.coco import CocoSet, Field, read_coco
from cytoshift.detection.evaluate import DetectorScore, evaluate_detector
from cytoshift.detection.networks import Architecture, build_network
from cytoshift.detection.operator import DetectorOperator
from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.detection.train import Parent, TrainedDetector, train_detector

__all__ = [
    "Architecture",
    "CocoSet",
    "DetectorOperator",
    "DetectorRecipe",
    "DetectorScore",
    "Field",
    "Parent",
    "TrainedDetector",
    "build_network",
    "evaluate_detector",
    "read_coco",
    "train_detector",
]
