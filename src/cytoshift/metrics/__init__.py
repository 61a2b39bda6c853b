"""Metrics: the numbers that the papers report."""

from cytoshift.metrics.detection import (
    AveragePrecision,
    DetectionTruth,
    average_precision,
    best_threshold,
    box_overlap,
    precision_and_recall,
)

__all__ = [
    "AveragePrecision",
    "DetectionTruth",
    "average_precision",
    "best_threshold",
    "box_overlap",
    "precision_and_recall",
]
