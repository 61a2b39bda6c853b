"""Compare the nuclei of two pictures one by one: outline, chromatin, and whether each is there at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.translation.audit.density import Darkness, Field, Window
from cytoshift.translation.audit.nuclei import Nuclei

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SAME_IOU = 0.2
"""Overlap from which nuclei of two pictures are the same."""

_GAP_UM, _RING_UM = 1.0, 3.5  # from the outline: where what lies around a nucleus begins and ends
_REACH_UM = 2.5  # of what an outline may move
_STEADY_UM = 0.5  # an outline may move by a share of this
_COARSE_UM = 1.6  # chromatin is finer
_FLOOR = 0.0012  # squared share of a nucleus' rise: chromatin fainter than noise is no texture
_GRAINS = 8.0  # times what one grey level makes: noise of a camera and of its JPEG
_FAINT = 0.03  # contrast, in the root of what is let through
_GAIN = 1.4  # chromatin may be so much fainter or stronger over its nucleus than in the other picture
_FEWEST = 40  # pixels in which chromatin can be judged


@dataclass(frozen=True, slots=True, eq=False)
class Around:
    """A nucleus and what lies around it: a window, and in it the masks of both."""

    window: Window
    inside: Mask
    ring: Mask

    def rise(self, values: Field) -> float:
        """Return how far values inside rise above those around."""
        here = values[self.window]
        return float(np.median(here[self.inside]) - np.median(here[self.ring]))

    def shown(self, picture: Darkness) -> float:
        """Return how far the nucleus rises in a picture, in the colour in which it does so most."""
        return max(self.rise(values) for values in (picture.mean, picture.least, *picture.channels))

    def alike(self, before: Darkness, after: Darkness) -> float:
        """Return the correlation of two pictures' grey in and around the nucleus."""
        here = self.inside | self.ring
        a, b = (picture.grey(self.window)[here] for picture in (before, after))
        a, b = a - a.mean(), b - b.mean()
        return float(np.mean(a * b) / max(np.sqrt(np.mean(a * a) * np.mean(b * b)), 1e-6))


@dataclass(frozen=True, slots=True)
class Outlines:
    """How the outlines of a nucleus in two pictures differ.

    Parameters
    ----------
    iou : float
        Overlap, 0 to 1.
    distance : float
        µm between them on average.
    doubt : float
        µm by which the vaguer of both moves where its level is a little lower or higher.
    """

    iou: float
    distance: float
    doubt: float

    @property
    def excess(self) -> float:
        """The distance over what an outline of this vagueness may move anyway."""
        return self.distance / (_STEADY_UM + self.doubt)


def around(inside: Mask, corner: tuple[int, int], others: Mask, mpp: float) -> Around:
    """Return a nucleus, a mask at a corner y, x of the picture, with its surroundings outside of all nuclei."""
    pad = int(np.ceil(_RING_UM / mpp)) + 1
    height, width = others.shape
    top, left = max(corner[0] - pad, 0), max(corner[1] - pad, 0)
    bottom, right = min(corner[0] + inside.shape[0] + pad, height), min(corner[1] + inside.shape[1] + pad, width)
    window = (slice(top, bottom), slice(left, right))
    mine = np.zeros((bottom - top, right - left), bool)
    mine[corner[0] - top :, corner[1] - left :][: inside.shape[0], : inside.shape[1]] = inside
    distance = ndimage.distance_transform_edt(~mine) * mpp
    ring = (distance > _GAP_UM) & (distance <= _RING_UM)
    free = ring & ~others[window]
    return Around(window, mine, free if free.sum() >= 20 else ring)


def match(one: Nuclei, other: Nuclei) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Match nuclei one to one by their overlap, the best first; return the places of the pairs in both."""
    both = (one.labels > 0) & (other.labels > 0)
    pairs, shared = np.unique(np.stack([one.labels[both], other.labels[both]]), axis=1, return_counts=True)
    a, b = pairs - 1
    iou = shared / (one.areas[a] + other.areas[b] - shared)
    free_a, free_b = np.ones(len(one), bool), np.ones(len(other), bool)
    matched: list[tuple[int, int]] = []
    for k in np.argsort(-iou, kind="stable"):
        if iou[k] >= SAME_IOU and free_a[a[k]] and free_b[b[k]]:
            free_a[a[k]] = free_b[b[k]] = False
            matched.append((a[k], b[k]))
    places = np.array(matched, np.intp).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def outlines(nucleus: Around, before: Darkness, after: Darkness, mpp: float) -> Outlines:
    """Compare a nucleus' outline in two pictures, each drawn at half of its own rise, however blurred it is.

    It is drawn on the least and on the mean density, and the better agreement counts: a change of colour alone moves
    one of them at times, a change of shape moves both.
    """
    reach = nucleus.inside | (ndimage.distance_transform_edt(~nucleus.inside) * mpp <= _REACH_UM)
    drawn = [_compared(nucleus, *pair, reach, mpp) for pair in ((before.least, after.least), (before.mean, after.mean))]
    return min(drawn, key=lambda one: one.excess)


def _compared(nucleus: Around, before: Field, after: Field, reach: Mask, mpp: float) -> Outlines:
    (a, doubt_a), (b, doubt_b) = (_outline(nucleus, values, reach, mpp) for values in (before, after))
    return Outlines(float((a & b).sum() / max((a | b).sum(), 1)), _apart(a, b, mpp), max(doubt_a, doubt_b))


def _outline(nucleus: Around, values: Field, reach: Mask, mpp: float) -> tuple[Mask, float]:
    """Return what lies within the outline, and the µm between outlines at slightly lower and higher levels."""
    here = values[nucleus.window]
    high, low = np.quantile(here[nucleus.inside], 0.6), np.median(here[nucleus.ring])
    wide, half, narrow = (_region(reach & (here > low + f * (high - low)), nucleus.inside) for f in (0.4, 0.5, 0.6))
    return half, _apart(wide, narrow, mpp)


def _region(mask: Mask, inside: Mask) -> Mask:
    """Return the region of a mask that shares most with a nucleus, without holes."""
    pieces, count = ndimage.label(mask)
    if count > 1:
        mask = pieces == 1 + np.argmax(np.bincount(pieces[inside], minlength=count + 1)[1:])
    beyond, count = ndimage.label(~mask)
    if count > 1:  # the largest region beyond it is what lies around, the others are holes
        mask = beyond != 1 + np.argmax(np.bincount(beyond.ravel())[1:])
    return np.asarray(mask, bool)


def _apart(a: Mask, b: Mask, mpp: float) -> float:
    """Return the mean distance in µm of two outlines: the area between them over their mean length."""
    return float(mpp * (a ^ b).sum() / max((_length(a) + _length(b)) / 2, 1.0))


def _length(mask: Mask) -> float:
    """Return the length of an outline in pixels, by Cauchy and Crofton from its crossings of rows and columns."""
    crossings = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return float(np.pi / 4 * crossings)


def texture(nucleus: Around, before: Darkness, after: Darkness, mpp: float) -> float:
    """Return how far the chromatin of a nucleus differs in two pictures: 0 the same, 1 unrelated or gone.

    Grey within the nucleus without its coarse course, over the nucleus' own contrast, is compared as structural
    similarity does it: correlation and strength together, with a floor below which there is no texture. The fewer grey
    levels that contrast has, the higher the floor. NaN where the nucleus is too small or too faint for it.
    """
    core = ndimage.binary_erosion(nucleus.inside, iterations=max(1, round(0.6 / mpp)))
    if core.sum() < _FEWEST:
        return np.nan
    weight = np.maximum(ndimage.gaussian_filter(core.astype(np.float32), _COARSE_UM / mpp), 1e-3)
    fine, floor = [], _FLOOR
    for picture in (before, after):
        here = picture.grey(nucleus.window)
        contrast = float(np.median(here[nucleus.ring]) - np.median(here[nucleus.inside]))
        if contrast < _FAINT:
            return np.nan
        floor += _GRAINS * picture.grain(nucleus.window, core) / contrast**2
        here = np.where(core, here, 0)
        fine.append((here - ndimage.gaussian_filter(here, _COARSE_UM / mpp) / weight)[core] / contrast)
    a, b = (values - values.mean() for values in fine)
    strengths = np.mean(a * a), np.mean(b * b)
    gain = np.clip(np.sqrt((strengths[0] + 1e-9) / (strengths[1] + 1e-9)), 1 / _GAIN, _GAIN)
    alike = (2 * gain * np.mean(a * b) + floor) / (strengths[0] + gain**2 * strengths[1] + floor)
    return float(np.clip(1 - alike, 0, 1))
