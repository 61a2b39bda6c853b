"""Stain removal: a colour image becomes its brightness and a mask of where red is the greatest channel.

Section III-B-1 of the stain-normalization paper: "grayscale image with mask", GM. The mask keeps the generator from
mixing red and blue cytoplasm. On neutral pixels, glass above all, noise alone decides which channel is the greatest,
so the mask may ask for a margin. Both can be counted from each slide's own white: grey by dividing channel by channel,
the mask in shares of the glass's brightness, a warm lamp's own excess of red taken off as much as the pixel is bright.
To divide the mask's colours as well would turn more of the weak reds of another scanner blue.
"""

from __future__ import annotations

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

GREY = (0.299, 0.587, 0.114)
"""Weights of R, G and B in the grey image (ITU-R BT.601)."""


class StainRemoval(BaseModel):
    """How stain is removed.

    Parameters
    ----------
    mask : bool
        Whether the mask is a second channel; without it the generator mixes red and blue (Fig. 2 of the paper).
    guard : float
        Margin, in shares of full scale, by which red must exceed green and blue; 0 as in the paper.
    white : bool
        Whether brightness is counted from the slide's white point.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: bool = True
    guard: float = Field(0.0, ge=0, lt=1)
    white: bool = False

    @property
    def channels(self) -> int:
        """Channels of what is left."""
        return 2 if self.mask else 1

    def __call__(self, rgb: Tensor, white: Tensor) -> Tensor:
        """Remove the stain.

        Parameters
        ----------
        rgb : Tensor, shape (batch, 3, y, x)
            0 to 1.
        white : Tensor, shape (batch, 3)
            Colour of the glass, 0 to 1.

        Returns
        -------
        Tensor, shape (batch, channels, y, x)
            Grey, -1 to 1, and the mask, 0 or 1.
        """
        white = white[:, :, None, None] if self.white else torch.ones_like(white)[:, :, None, None]
        left = _grey((rgb / white).clamp(max=1.0)) * 2 - 1
        if not self.mask:
            return left
        glass = white / _grey(white)
        pixels = rgb / _grey(white)
        lamp = _excess(glass).clamp(min=0.0) * _grey(pixels)
        return torch.cat([left, (_excess(pixels) - lamp > self.guard).to(left.dtype)], dim=1)


def _excess(rgb: Tensor) -> Tensor:
    return rgb[:, :1] - torch.maximum(rgb[:, 1:2], rgb[:, 2:])


def _grey(rgb: Tensor) -> Tensor:
    return GREY[0] * rgb[:, :1] + GREY[1] * rgb[:, 1:2] + GREY[2] * rgb[:, 2:]
