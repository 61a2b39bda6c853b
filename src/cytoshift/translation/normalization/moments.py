"""Moments of the features in a tile's core, as instance normalization takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cytoshift.translation.generator import EPSILON
from cytoshift.translation.normalization.window import Window

Extent = tuple[int, int]
"""Height and width in pixels of the part of a core that lies on the slide."""

_STRIPE, _LARGE_STRIPE = 1 << 17, 1 << 26
"""Float32 numbers that are worked on at once: half a megabyte stays in a processor's cache; a quarter of a gigabyte
keeps a graphics card busy and leaves it room."""


class Moments(NamedTuple):
    """Mean and one over the standard deviation, float32 ``(batch, channels)``."""

    mean: Tensor
    rstd: Tensor


def core_moments(features: Tensor, window: Window, downsample: int, extents: Sequence[Extent]) -> Moments:
    """Measure the features of every tile's core; neither its halo nor what lies beyond the slide counts.

    The variance is the biased one, with the epsilon of the training added, so that blank glass has finite moments.

    Parameters
    ----------
    features : Tensor
        ``(batch, channels, y, x)`` over whole windows.
    window : Window
    downsample : int
        Pixels per feature.
    extents : sequence of (int, int)
        For each tile the height and width of its core on the slide.
    """
    if len(set(extents)) == 1:
        rows, columns = window.inside(downsample, *extents[0])
        return _moments(features[:, :, rows, columns])
    each = []
    for one, extent in enumerate(extents):
        rows, columns = window.inside(downsample, *extent)
        each.append(_moments(features[one : one + 1, :, rows, columns]))
    return Moments(torch.cat([one.mean for one in each]), torch.cat([one.rstd for one in each]))


def _moments(core: Tensor) -> Moments:
    """Measure all of what is given, ``(batch, channels, y, x)``."""
    count = core.shape[2] * core.shape[3]
    pixels = core.permute(0, 2, 3, 1)
    # Rows first, then columns: channels lie next to each other, and short sums keep float32 exact enough.
    mean = pixels.sum(2, dtype=torch.float32).sum(1) / count
    squares = torch.zeros_like(mean)
    for rows in stripes(core):
        left = pixels[:, rows].float() - mean[:, None, None]
        squares += left.mul_(left).sum(2).sum(1)
    return Moments(mean, torch.rsqrt(squares / count + EPSILON))


def stripes(features: Tensor) -> Iterator[slice]:
    """Yield slices of rows, as many at once as suit the device."""
    batch, channels, height, width = features.shape
    most = _STRIPE if features.device.type == "cpu" else _LARGE_STRIPE
    rows = max(1, most // (batch * channels * width))
    return (slice(start, start + rows) for start in range(0, height, rows))


def flat_norm(features: Tensor, moments: Moments) -> Tensor:
    """Normalize every channel of every image by one mean and one deviation; arithmetic in float32."""
    mean, rstd = (each[:, None, None] for each in moments)
    made = torch.empty_like(features, memory_format=torch.channels_last)
    before, after = features.permute(0, 2, 3, 1), made.permute(0, 2, 3, 1)
    for rows in stripes(features):
        after[:, rows] = (before[:, rows].float() - mean).mul_(rstd)
    return made


def plain_norm(site: int, features: Tensor) -> Tensor:
    """Normalize by the moments of each whole image, as `instance_norm` does; several times faster on a CPU.

    torch's own turns channels that lie next to each other, as the convolutions want them, into planes and back.
    """
    with torch.autocast(features.device.type, enabled=False):
        return flat_norm(features, _moments(features))


class Collecting:
    """Normalizes each tile by the moments of its own core and keeps them: plain instance norm that takes notes.

    Parameters
    ----------
    window : Window
    sites : sequence of (int, int)
        `GeneratorPlan.sites`.
    extents : sequence of (int, int)
        See `core_moments`.
    """

    def __init__(self, window: Window, sites: Sequence[tuple[int, int]], extents: Sequence[Extent]) -> None:
        self._window = window
        self._sites = sites
        self._extents = extents
        self._kept: list[Moments] = []

    def __call__(self, site: int, features: Tensor) -> Tensor:
        """Normalize features at a site; see `Normalize`."""
        with torch.autocast(features.device.type, enabled=False):
            moments = core_moments(features, self._window, self._sites[site][1], self._extents)
            self._kept.append(moments)
            return flat_norm(features, moments)

    @property
    def table(self) -> Tensor:
        """The moments of all sites so far, float32 ``(batch, 2, channels of all sites)``."""
        return torch.stack([torch.cat(each, dim=1) for each in zip(*self._kept, strict=True)], dim=1)
