"""White-point correction alone: glass becomes white, and every channel is scaled with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cytoshift.stain.classical.fade import whitened
from cytoshift.stain.classical.separation import Vector
from cytoshift.stain.colours import FEWEST, Colours, White

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WhiteFit:
    """What makes one slide's glass white.

    Parameters
    ----------
    white : tuple of float
        RGB of the slide's glass.
    diagnosis : str
        What is doubtful about the fit, in one sentence; ``""`` when nothing is.
    """

    white: White
    diagnosis: str = field(default="", repr=False)

    @property
    def fallback(self) -> str:
        """``""``: nothing asks less of a slide."""
        return ""

    @property
    def stains(self) -> tuple[Vector, ...]:
        """None: it knows no stains."""
        return ()

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, channel by channel."""
        from cytoshift.stain.classical.table import apply_curves

        curves = self.exact(np.repeat(np.arange(256)[:, None], 3, axis=1)).T
        return apply_curves(tiles, curves, curves, np.zeros((3, 256)))

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding."""
        return 255 * whitened(pixels, self.white)


def fit_white(colours: Colours) -> WhiteFit:
    """Fit a slide; it may be blank."""
    diagnosis = ""
    if len(colours.pixels) < FEWEST:
        diagnosis = f"{colours.name} shows hardly any tissue; its glass was made white, and nothing else was changed."
    return WhiteFit(colours.white, diagnosis)
