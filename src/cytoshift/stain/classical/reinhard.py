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
from cytoshift.stain.classical.fade import stained_weight, whitened
from cytoshift.stain.classical.separation import Vector
from cytoshift.stain.colours import Colours, White

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

STRETCH = 4.0
"""How far the spread along an axis may be stretched or squeezed."""


@dataclass(frozen=True, slots=True)
class LabStatistics:
    """How the stained pixels of a reference are distributed in CIE Lab, glass taken as white.

    Parameters
    ----------
    mean, deviation : tuple of float
        Of L*, a* and b*.
    """

    mean: Vector
    deviation: Vector


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
    fallback : str
        The method to prefer when the fit cannot be trusted; ``""`` when it can.
    """

    white: White
    gain: Vector
    shift: Vector
    diagnosis: str = field(default="", repr=False)
    fallback: str = field(default="", repr=False)

    @property
    def stains(self) -> tuple[Vector, ...]:
        """None: it knows no stains."""
        return ()

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, colour by colour."""
        from cytoshift.stain.classical.table import apply_table

        return apply_table(tiles, self._table)

    def __reduce__(self) -> tuple[type[ReinhardFit], tuple[object, ...]]:
        """Travel without the table, which is quickly built again."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding: what the table approximates."""
        plain = whitened(pixels, self.white)
        moved = rgb_from_lab(lab_from_rgb(plain) * self.gain + self.shift)
        weight = stained_weight(pixels, self.white).max(axis=-1, keepdims=True)
        mapped: FloatArray = 255 * (plain + weight * (moved - plain))
        return mapped

    @cached_property
    def _table(self) -> npt.NDArray[np.uint32]:
        from cytoshift.stain.classical.table import lab_table

        values = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
        plain, weight = whitened(values, self.white), stained_weight(values, self.white)
        return lab_table(plain, weight, np.array(self.gain), np.array(self.shift))


def lab_statistics(colours: Colours) -> LabStatistics:
    """Measure how the stained pixels of a slide are distributed, its glass taken as white."""
    lab = lab_from_rgb(whitened(colours.pixels, colours.white))
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
            f"{STRETCH:g} times; judge by eye, or use 'white'."
        )
    shift = np.array(reference.mean) - gain * own.mean
    return ReinhardFit(colours.white, _vector(gain), _vector(shift), diagnosis, "white" if diagnosis else "")
