"""Two pictures of one place as darkness against their own glass, so that colour hardly matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

RGB = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]
Window = tuple[slice, slice]

_GLASS = 0.02  # share of a picture's pixels, the brightest, that are taken for its glass
_SMOOTH_UM = 0.4  # less than the edge of a nucleus is wide


@dataclass(frozen=True, slots=True, eq=False)
class Darkness:
    """How dark a picture is.

    Parameters
    ----------
    channels : ndarray of float32, shape (3, h, w)
        Optical density (natural logarithm) of R, G and B against the glass, slightly smoothed.
    mean : ndarray of float32, shape (h, w)
        Mean of the three.
    least : ndarray of float32, shape (h, w)
        Least of the three: nuclei are dark in every colour, cytoplasm in some.
    white : ndarray of float64, shape (3,)
        Grey levels of the glass.
    """

    channels: Field
    mean: Field
    least: Field
    white: npt.NDArray[np.float64]

    def grey(self, window: Window) -> Field:
        """Return the grey of a window, ``(h, w)``: the mean of the roots of what the three colours let through.

        Noise is about the same at every root, in the dark as on glass; in density the dark has far more.
        """
        grey: Field = np.exp(self.channels[:, *window] / -2).mean(axis=0)
        return grey

    def grain(self, window: Window, mask: npt.NDArray[np.bool_]) -> float:
        """Return the squared `grey` that one grey level of each colour makes within a mask in a window."""
        through = np.exp(-np.median(self.channels[:, *window][:, mask], axis=1))
        return float(np.mean(0.25 / (self.white * (self.white * through + 0.5))) / 3)


def darkness_of_both(before: RGB, after: RGB, mpp: float) -> tuple[Darkness, Darkness]:
    """Return the darkness of two pictures ``(h, w, 3)`` of one place at µm/px, each against its own glass.

    The glass of both lies where the first is brightest.
    """
    light = before.sum(axis=-1, dtype=np.int32)
    glass = light >= np.quantile(light[::4, ::4], 1 - _GLASS)
    return _darkness(before, glass, mpp), _darkness(after, glass, mpp)


def _darkness(image: RGB, glass: npt.NDArray[np.bool_], mpp: float) -> Darkness:
    white = np.median(image[glass], axis=0)
    values = np.arange(256)
    channels = np.empty((3, *image.shape[:2]), np.float32)
    for channel in range(3):
        table = (np.log(white[channel] + 1) - np.log(values + 1.0)).astype(np.float32)
        ndimage.gaussian_filter(table[image[..., channel]], _SMOOTH_UM / mpp, output=channels[channel], truncate=3.0)
    return Darkness(channels, channels.mean(axis=0), channels.min(axis=0), white)
