"""An image operator in part: the original, moved some of the way to what the operator shows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from cytoshift.engine.operator import ImageOperator, Needs

if TYPE_CHECKING:
    from cytoshift.engine.grid import Shard
    from cytoshift.slides.slide import Slide

RGB = npt.NDArray[np.uint8]


class Blended(ImageOperator):
    """An image operator with a strength: each value is ``original + strength * (seen - original)``, rounded.

    Parameters
    ----------
    operator : ImageOperator
        What is blended; its `prepare` is called by this one's.
    strength : float
        0 shows the original, 1 what the operator shows, byte by byte.

    Raises
    ------
    ValueError
        When the strength is not within 0 and 1.
    """

    def __init__(self, operator: ImageOperator, strength: float) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(f"a strength lies between 0 and 1, not at {strength}")
        self.operator = operator
        self.strength = float(strength)

    @property
    def key(self) -> str:
        """The operator's key and the strength."""
        return f"{self.operator.key}@{self.strength!r}"

    @property
    def title(self) -> str:
        """The operator's title."""
        return self.operator.title

    @property
    def needs(self) -> Needs:
        """What the operator needs."""
        return self.operator.needs

    @property
    def pointwise(self) -> bool:
        """Whether the operator is."""
        return self.operator.pointwise

    def prepare(self, slide: Slide) -> Self:
        """Return this blend with the operator prepared for a slide; itself when it already is."""
        prepared = self.operator.prepare(slide)
        return self if prepared is self.operator else type(self)(prepared, self.strength)

    def apply(self, tiles: RGB) -> RGB:
        """Map tiles ``(batch, y, x, 3)`` to tiles of the same shape."""
        return self._blend(tiles, self.operator.apply(tiles))

    def render(self, tiles: Shard, windows: RGB) -> RGB:
        """Map the windows of tiles whose places are known."""
        return self._blend(windows, self.operator.render(tiles, windows))

    def _blend(self, tiles: RGB, seen: RGB) -> RGB:
        steps = self._steps[seen.astype(np.int16) - tiles + 255]
        moved: RGB = (tiles + steps).astype(np.uint8)
        return moved

    @cached_property
    def _steps(self) -> npt.NDArray[np.int16]:
        """How far a value moves, for every difference from -255 to 255."""
        steps: npt.NDArray[np.int16] = np.rint(self.strength * np.arange(-255, 256)).astype(np.int16)
        return steps
