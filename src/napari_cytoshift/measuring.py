"""Lengths and areas on a slide, as people read them."""

from __future__ import annotations

import numpy as np

from cytoshift.slides.coordinates import Frame
from cytoshift.study.events import Corners

UNKNOWN = "µm/px are unknown: set them in Slide"
MM_UM = 1000.0
LARGE_UM2 = 100_000.0
"""From a tenth of a mm² on, areas are read in mm²."""


def length_words(frame: Frame, points: Corners) -> str:
    """Say how long a line through level-0 points is."""
    return f"Length {_length(_along(frame, points), frame)}{_reservation(frame)}"


def area_words(frame: Frame, ring: Corners) -> str:
    """Say how large the area within a ring of level-0 points is, of a rectangle with its sides."""
    at = _scaled(frame, ring)
    area = 0.5 * abs(float(np.dot(at[:, 0], np.roll(at[:, 1], -1)) - np.dot(at[:, 1], np.roll(at[:, 0], -1))))
    if frame.mpp_yx is None:
        said = f"{area:.0f} px²"
    else:
        said = f"{area / MM_UM**2:.3f} mm²" if area >= LARGE_UM2 else f"{area:.1f} µm²"
    if len(at) == 4:
        width, height = (at.max(axis=0) - at.min(axis=0)).tolist()
        said += f" ({_length(width, frame)} × {_length(height, frame)})"
    return f"Area {said}{_reservation(frame)}"


def _along(frame: Frame, points: Corners) -> float:
    return float(np.hypot(*np.diff(_scaled(frame, points), axis=0).T).sum())


def _scaled(frame: Frame, points: Corners) -> np.ndarray:
    at = np.asarray(points, np.float64)
    return at if frame.mpp_yx is None else frame.microns_from_level0(at)


def _length(value: float, frame: Frame) -> str:
    if frame.mpp_yx is None:
        return f"{value:.1f} px"
    return f"{value:.1f} µm" if value < MM_UM else f"{value / MM_UM:.3f} mm"


def _reservation(frame: Frame) -> str:
    return "" if frame.mpp_yx is not None else f"; {UNKNOWN}"
