"""Metrics: the numbers that the papers report."""

from cytoshift.metrics.bootstrap import draw_images, percentile_interval
from cytoshift.metrics.calibration import Platt, Reliability, fit_calibration, fit_platt, reliability_by_image
from cytoshift.metrics.colour import (
    ColourError,
    bhattacharyya,
    ciede2000,
    colour_error,
    hue_correlation,
    hue_histogram,
    rgb_histograms,
)
from cytoshift.metrics.confusion import above, confusions, precision_recall
from cytoshift.metrics.detection import (
    AveragePrecision,
    Boxes,
    DetectionTruth,
    average_precision,
    best_threshold,
    best_thresholds,
    precision_and_recall,
)
from cytoshift.metrics.distribution import Gaussian, KernelDistance, frechet_distance, kernel_distance
from cytoshift.metrics.f1 import CountedBoxes, F1Score, score_f1
from cytoshift.metrics.froc import FrocBoxes, froc
from cytoshift.metrics.hist import mean_hue_correlation, tissue_hue_histogram
from cytoshift.metrics.kappa import Kappa, cohen_kappa, one_class
from cytoshift.metrics.matching import ByDistance, ByOverlap, Matching, box_overlap
from cytoshift.metrics.niqe import Niqe
from cytoshift.metrics.pooled import PooledBoxes, pool, pooled_average, pooled_precision
from cytoshift.metrics.seam import Seams, seam_ratio
from cytoshift.metrics.structure import Structure, gradient_correlation, luminance, ssim, structure_kept

__all__ = [
    "AveragePrecision",
    "Boxes",
    "ByDistance",
    "ByOverlap",
    "ColourError",
    "CountedBoxes",
    "DetectionTruth",
    "F1Score",
    "FrocBoxes",
    "Gaussian",
    "Kappa",
    "KernelDistance",
    "Matching",
    "Niqe",
    "Platt",
    "PooledBoxes",
    "Reliability",
    "Seams",
    "Structure",
    "above",
    "average_precision",
    "best_threshold",
    "best_thresholds",
    "bhattacharyya",
    "box_overlap",
    "ciede2000",
    "cohen_kappa",
    "colour_error",
    "confusions",
    "draw_images",
    "fit_calibration",
    "fit_platt",
    "frechet_distance",
    "froc",
    "gradient_correlation",
    "hue_correlation",
    "hue_histogram",
    "kernel_distance",
    "luminance",
    "mean_hue_correlation",
    "one_class",
    "percentile_interval",
    "pool",
    "pooled_average",
    "pooled_precision",
    "precision_and_recall",
    "precision_recall",
    "reliability_by_image",
    "rgb_histograms",
    "score_f1",
    "seam_ratio",
    "ssim",
    "structure_kept",
    "tissue_hue_histogram",
]
