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
from cytoshift.metrics.distribution import Gaussian, KernelDistance, frechet_distance, kernel_distance
from cytoshift.metrics.hist import mean_hue_correlation, tissue_hue_histogram
from cytoshift.metrics.niqe import Niqe
from cytoshift.metrics.seam import Seams, seam_ratio
from cytoshift.metrics.structure import Structure, gradient_correlation, luminance, ssim, structure_kept

__all__ = [
    "AveragePrecision",
    "ColourError",
    "DetectionTruth",
    "Gaussian",
    "KernelDistance",
    "Niqe",
    "Seams",
    "Structure",
    "average_precision",
    "best_threshold",
    "bhattacharyya",
    "box_overlap",
    "ciede2000",
    "colour_error",
    "frechet_distance",
    "gradient_correlation",
    "hue_correlation",
    "hue_histogram",
    "kernel_distance",
    "luminance",
    "mean_hue_correlation",
    "precision_and_recall",
    "rgb_histograms",
    "seam_ratio",
    "ssim",
    "structure_kept",
    "tissue_hue_histogram",
]
