"""Histogram matching: each channel of the stained pixels is given the reference's distribution.

Gonzalez and Woods, "Digital Image Processing", histogram specification. Three curves of 256 values: glass is made white
first, and colours close to it fade into that, as with Reinhard's method, so that the background is never tinted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cytoshift.stain.classical.fade import stained_weight, whitened
from cytoshift.stain.classical.separation import Vector
from cytoshift.stain.colours import Colours, White

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
Histogram = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""Share of the stained pixels at each of 256 values of R, G and B, glass taken as white."""

_VALUES = np.arange(256.0)
_EVEN = 1e-4  # share that is spread evenly, so that a value nobody has shown still has its place


@dataclass(frozen=True)
class HistogramFit:
    """What turns one slide's colours into the reference's.

    Parameters
    ----------
    white : tuple of float
        RGB of the slide's glass; it becomes white.
    curves : tuple of tuple of float
        For R, G and B, what each of 256 values becomes, 0 to 255.
    """

    white: White
    curves: Histogram

    @property
    def diagnosis(self) -> str:
        """``""``: any distribution can be given another."""
        return ""

    @property
    def fallback(self) -> str:
        """``""``: the fit can be trusted."""
        return ""

    @property
    def stains(self) -> tuple[Vector, ...]:
        """None: it knows no stains."""
        return ()

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, colour by colour."""
        from cytoshift.stain.classical.table import apply_curves

        values = np.repeat(_VALUES[:, None], 3, axis=1)
        plain, weight = 255 * whitened(values, self.white), stained_weight(values, self.white)
        return apply_curves(tiles, plain.T, np.asarray(self.curves), weight.T)

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding: what the kernel computes in float32."""
        values = np.asarray(pixels)
        plain = 255 * whitened(values, self.white)
        matched = np.stack([np.asarray(curve)[values[..., k]] for k, curve in enumerate(self.curves)], axis=-1)
        mapped: FloatArray = plain + stained_weight(values, self.white).max(axis=-1, keepdims=True) * (matched - plain)
        return mapped


def histogram(colours: Colours) -> Histogram:
    """Measure how the channels of the stained pixels are distributed, the glass taken as white."""
    shares = []
    for channel, white in enumerate(colours.white):
        counts = np.bincount(colours.pixels[:, channel], minlength=256)
        place = np.minimum(_VALUES / white, 1.0) * 255
        low = np.floor(place).astype(int)
        # A value between two of the 256 is shared by both, or a dim lamp would leave gaps.
        part = counts * (place - low)
        upper = np.minimum(low + 1, 255)
        share = np.bincount(low, counts - part, 256) + np.bincount(upper, part, 256)
        shares.append(tuple(np.round(share / max(share.sum(), 1), 7).tolist()))
    red, green, blue = shares
    return (red, green, blue)


def fit_histogram(colours: Colours, reference: Histogram) -> HistogramFit:
    """Fit a slide to a reference.

    Parameters
    ----------
    colours : Colours
        Of the slide.
    reference : tuple of tuple of float
        The distribution it shall have.
    """
    curves = []
    for own, wanted, white in zip(histogram(colours), reference, colours.white, strict=True):
        below = np.interp(np.minimum(_VALUES / white, 1.0) * 255, _VALUES, _below(own))
        curves.append(tuple(np.round(np.interp(below, _below(wanted), _VALUES), 6).tolist()))
    red, green, blue = curves
    return HistogramFit(colours.white, (red, green, blue))


def mean_histogram(parts: Sequence[Histogram]) -> Histogram:
    """Return the histogram between several: at every rank, the mean of their values (their Wasserstein barycentre).

    A mean of the shares instead would be as broad as all of them together, and no slide looks so.
    """
    edges = np.arange(-0.5, 256)
    channels = []
    for shares in zip(*parts, strict=True):
        ranks = np.unique(np.concatenate([_below(share) for share in shares]))
        values = np.mean([np.interp(ranks, _below(share), _VALUES) for share in shares], axis=0)
        share = np.diff(np.interp(edges, values, ranks, left=0.0, right=1.0))
        channels.append(tuple(np.round(share / share.sum(), 7).tolist()))
    red, green, blue = channels
    return (red, green, blue)


def _below(shares: tuple[float, ...]) -> FloatArray:
    """Return the share below each value, half of its own included; it always grows."""
    array = np.asarray(shares)
    even = (1 - _EVEN) * array / max(array.sum(), 1e-12) + _EVEN / 256
    below: FloatArray = np.cumsum(even) - even / 2
    return below
