"""Reinhard normalization: mean and spread of the stained pixels in CIE Lab, moved to those of a reference.

Reinhard et al., "Color transfer between images", IEEE CG&A 2001, in CIE Lab (D65) over stained pixels only. Glass is
made white first, and colours close to it fade into that: the transfer never tints the background. All of it is a
function of the colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cytoshift.metrics.lab import lab_from_rgb, rgb_from_lab
from cytoshift.stain.colours import Colours, White, optical_density
from cytoshift.stain.reference import LabStatistics, Vector

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

FADE = (0.03, 0.25)
"""Optical density up to which a colour is glass, and from which it is transferred in full."""

STRETCH = 4.0
"""How far the spread along an axis may be stretched or squeezed."""


@dataclass(frozen=True)
class ReinhardFit:
    """What turns one slide's colours into the reference's.

    Parameters
    ----------
    white : tuple of float
        RGB of the slide's glass; it becomes white.
    gain, shift : tuple of float
        Lab of the reference is ``gain * Lab of the slide + shift``.
    diagnosis : str
        What is doubtful about the fit, in one sentence; ``""`` when nothing is.
    """

    white: White
    gain: Vector
    shift: Vector
    diagnosis: str = field(default="", repr=False)

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, colour by colour."""
        from cytoshift.stain.classical.table import apply_table

        return apply_table(tiles, self._table)

    def __reduce__(self) -> tuple[type[ReinhardFit], tuple[object, ...]]:
        """Travel without the table, which is quickly built again."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding: what the table approximates."""
        plain = self._whitened(pixels)
        moved = rgb_from_lab(lab_from_rgb(plain) * self.gain + self.shift)
        weight = self._weight(pixels).max(axis=-1, keepdims=True)
        mapped: FloatArray = 255 * (plain + weight * (moved - plain))
        return mapped

    def _whitened(self, pixels: npt.ArrayLike) -> FloatArray:
        whitened: FloatArray = np.minimum(np.asarray(pixels, np.float64) / np.asarray(self.white), 1.0)
        return whitened

    def _weight(self, pixels: npt.ArrayLike) -> FloatArray:
        """How far each channel is from glass, 0 to 1, smoothly."""
        low, high = FADE
        t = np.clip((optical_density(pixels, self.white) - low) / (high - low), 0, 1)
        weight: FloatArray = t * t * (3 - 2 * t)
        return weight

    @cached_property
    def _table(self) -> npt.NDArray[np.uint32]:
        from cytoshift.stain.classical.table import lab_table

        values = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
        return lab_table(self._whitened(values), self._weight(values), np.array(self.gain), np.array(self.shift))


def lab_statistics(colours: Colours) -> LabStatistics:
    """Measure how the stained pixels of a slide are distributed, its glass taken as white."""
    lab = lab_from_rgb(np.minimum(colours.pixels / np.asarray(colours.white), 1.0))
    return LabStatistics(_vector(lab.mean(axis=0)), _vector(lab.std(axis=0)))


def _vector(array: FloatArray) -> Vector:
    x, y, z = array.tolist()
    return (x, y, z)


def fit_reinhard(colours: Colours, reference: LabStatistics) -> ReinhardFit:
    """Fit a slide to a reference.

    Parameters
    ----------
    colours : Colours
        Of the slide.
    reference : LabStatistics
        What it shall look like.
    """
    own = lab_statistics(colours)
    wanted = np.array(reference.deviation) / np.maximum(own.deviation, 1e-6)
    gain = np.clip(wanted, 1 / STRETCH, STRETCH)
    diagnosis = ""
    if (gain != wanted).any():
        diagnosis = (
            f"{colours.name} has far less or far more contrast than the reference, so its colours were stretched only "
            f"{STRETCH:g} times; judge by eye."
        )
    shift = np.array(reference.mean) - gain * own.mean
    return ReinhardFit(colours.white, _vector(gain), _vector(shift), diagnosis)
