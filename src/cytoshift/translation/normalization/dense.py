"""Normalization by a field: mean and deviation at every pixel, bilinear between the centres of tiles."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cytoshift.translation.normalization.moments import stripes
from cytoshift.translation.normalization.window import Window


def dense_norm(features: Tensor, tables: Tensor, window: Window, downsample: int) -> Tensor:
    """Normalize by moments that run in straight lines from tile centre to tile centre; arithmetic in float32.

    As in the paper it is the deviation's inverse that is interpolated.

    Parameters
    ----------
    features : Tensor
        ``(batch, channels, y, x)`` over whole windows.
    tables : Tensor
        Moments of the tile and its neighbours, float32 ``(batch, 2, 3, 3, channels)``: mean and one over the
        deviation, row and column of the neighbour.
    window : Window
    downsample : int
        Pixels per feature.
    """
    weights = window.weights(downsample, features.device)
    # Along x first: two (batch, 3, width * channels), small. Along y it is one product for the whole image.
    mean, rstd = (torch.matmul(weights, tables[:, moment]).flatten(2) for moment in (0, 1))
    down = weights.expand(len(features), -1, -1)
    made = torch.empty_like(features, memory_format=torch.channels_last)
    before, after = (each.permute(0, 2, 3, 1).flatten(2) for each in (features, made))
    for rows in stripes(features):
        left = torch.baddbmm(before[:, rows].float(), down[:, rows], mean, alpha=-1)
        after[:, rows] = torch.bmm(down[:, rows], rstd).mul_(left)
    return made


class Dense:
    """Normalizes each tile by the field between its own and its neighbours' moments.

    Parameters
    ----------
    window : Window
    sites : sequence of (int, int)
        `GeneratorPlan.sites`.
    tables : Tensor
        For every site what `dense_norm` takes, one after the other: float32 ``(batch, 2, 3, 3, channels of all
        sites)``.
    """

    def __init__(self, window: Window, sites: Sequence[tuple[int, int]], tables: Tensor) -> None:
        self._window = window
        self._sites = sites
        self._tables = torch.split(tables, [channels for channels, _ in sites], dim=-1)

    def __call__(self, site: int, features: Tensor) -> Tensor:
        """Normalize features at a site; see `Normalize`."""
        with torch.autocast(features.device.type, enabled=False):
            return dense_norm(features, self._tables[site], self._window, self._sites[site][1])
