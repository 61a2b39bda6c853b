"""Methods linear in optical density: own stains become the reference's, whatever they do not explain stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cytoshift.stain.classical.separation import ALIKE, Stains, Vector, apart, basis, measured
from cytoshift.stain.colours import Colours, White, density_table, optical_density

RGB = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

NAMES = {2: ("haematoxylin", "eosin"), 3: ("haematoxylin", "orange", "light green")}
"""What two and three stains are called, in their order."""

MANY = 0.05
"""Share of pixels in colours that haematoxylin and eosin do not make, from which a slide has a third dye.

Sections in haematoxylin and eosin from five scanners have 0.033 at most; 98 of 100 fields of CRIC Cervix have more.
"""

STRENGTHENED = 5.0
"""How far a stain may be strengthened or weakened."""

_ENOUGH = 10_000  # pixels for a share: it is known to half a percent
_SAFE = 29.0  # e to this power, three times over, is still a float32


@dataclass(frozen=True)
class LinearFit:
    """What turns one slide's colours into the reference's by a matrix on optical density.

    Parameters
    ----------
    white : tuple of float
        RGB of the slide's glass; it becomes white.
    matrix : tuple of tuple of float
        3 x 3: optical density of the slide to optical density of the reference.
    stains : tuple of tuple of float
        The slide's own stains, unit vectors of optical density.
    diagnosis : str
        What is doubtful about the fit, in one sentence; ``""`` when nothing is.
    fallback : str
        The method to prefer when the fit cannot be trusted; ``""`` when it can.
    """

    white: White
    matrix: tuple[Vector, ...]
    stains: tuple[Vector, ...] = ()
    diagnosis: str = field(default="", repr=False)
    fallback: str = field(default="", repr=False)

    def apply(self, tiles: RGB) -> RGB:
        """Map uint8 RGB of any shape ``(..., 3)``, colour by colour."""
        from cytoshift.stain.classical.table import apply_products

        return apply_products(tiles, self._tables)

    def __reduce__(self) -> tuple[type[LinearFit], tuple[object, ...]]:
        """Travel without the tables, which are quickly built again."""
        return type(self), tuple(getattr(self, each.name) for each in fields(self))

    def exact(self, pixels: npt.ArrayLike) -> FloatArray:
        """Map colours ``(..., 3)`` in float64, without rounding: what the tables approximate."""
        density = optical_density(pixels, self.white) @ np.asarray(self.matrix).T
        mapped: FloatArray = np.clip(256.0 * np.exp(-density) - 1.0, 0.0, 255.0)
        return mapped

    @cached_property
    def _tables(self) -> npt.NDArray[np.floating]:
        """Factors ``(3, 256, 4)``: channel in, its value, channel out. Their product is the result plus one."""
        exponents = density_table(self.white)[:, :, None] * np.asarray(self.matrix).T[:, None, :]
        # A wild matrix has factors that only float64 holds; it is slower, and never needed by a good fit.
        kind = np.float32 if np.abs(exponents).max() < _SAFE else np.float64
        factors = np.ones((3, 256, 4), kind)
        factors[..., :3] = np.exp(-exponents)
        return factors


def carry(colours: Colours, own: Sequence[Vector], reference: Stains, *, picked: bool = False) -> LinearFit:
    """Carry a slide's stains, their colours and their strengths, to those of a reference.

    Parameters
    ----------
    colours : Colours
        Of the slide.
    own : sequence of tuple of float
        The slide's stains; where they cannot be told apart, the reference's own are taken instead.
    reference : Stains
        As many as the slide's.
    picked : bool
        Whether a person gave the stains; then they are used as they are, and no third dye is looked for.
    """
    diagnosis = ""
    if not picked:
        if apart(own) < ALIKE:
            own = reference.vectors
            diagnosis = (
                f"The stains of {colours.name} cannot be told apart, so the reference's own stain colours were used; "
                "judge by eye, or use 'reinhard'."
            )
        if len(own) == 2 and _foreign(colours) > MANY:
            diagnosis = (
                f"{colours.name} looks Papanicolaou-stained, which takes three dyes where this method knows two; "
                "colours may shift, so prefer 'reinhard'."
            )
    stains = measured(own, colours)
    ratios = np.divide(reference.strongest, np.maximum(stains.strongest, 1e-6))
    scale = np.clip(ratios, 1 / STRENGTHENED, STRENGTHENED)
    if not diagnosis and (scale != ratios).any():
        worst = NAMES[len(own)][int(np.abs(np.log(np.maximum(ratios, 1e-9))).argmax())]
        diagnosis = (
            f"{colours.name} holds far less or far more {worst} than the reference, so its strength was changed only "
            f"{STRENGTHENED:g} times; judge by eye, or use 'reinhard'."
        )
    full = np.diag([*scale, 1.0][:3])  # of two stains, what lies across them stays as it is
    matrix = basis(reference.vectors) @ full @ np.linalg.inv(basis(own))
    rows = tuple((float(x), float(y), float(z)) for x, y, z in matrix)
    return LinearFit(colours.white, rows, tuple(own), diagnosis, "reinhard" if diagnosis else "")


def _foreign(colours: Colours) -> float:
    """Return the share of pixels that absorb red or blue more than green: light green, orange G; not H&E."""
    table = density_table(colours.white)
    some = colours.pixels[:: -(-len(colours.pixels) // _ENOUGH)]
    red, green, blue = (table[channel][some[:, channel]] for channel in range(3))
    return float((np.maximum(red, blue) > 1.05 * green).mean())
