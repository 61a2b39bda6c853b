"""Metrics: the numbers that the papers report."""

from cytoshift.metrics.colour import (
    ColourError,
    bhattacharyya,
    ciede2000,
    colour_error,
    hue_correlation,
    hue_histogram,
    rgb_histograms,
)
from cytoshift.metrics.detection import (
    AveragePrecision,
    DetectionTruth,
    average_precision,
    best_threshold,
    box_overlap,
    precision_and_recall,
)
from cytoshift.metrics.seam import Seams, seam_ratio
from cytoshift.metrics.structure import Structure, gradient_correlation, luminance, ssim, structure_kept

__all__ = [
    "AveragePrecision",
    "ColourError",
    "DetectionTruth",
    "Seams",
    "Structure",
    "average_precision",
    "best_threshold",
    "bhattacharyya",
    "box_overlap",
    "ciede2000",
    "colour_error",
    "gradient_correlation",
    "hue_correlation",
    "hue_histogram",
    "luminance",
    "precision_and_recall",
    "rgb_histograms",
    "seam_ratio",
    "ssim",
    "structure_kept",
]
