"""A pool of images that were made before: a critic that sees them too forgets less (Shrivastava et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps images; hands out an old one for a new one every second time, once it is full.

    It is a module so that its images are part of the checkpoint.

    Parameters
    ----------
    count, size : int
        Images, and their side in pixels.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(count, 3, size, size, dtype=torch.float16))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    def exchange(self, made: Tensor, random: torch.Generator) -> Tensor:
        """Take in ``(batch, 3, y, x)``; returns as many images, new or old."""
        handed = []
        for image in made.detach():
            place = int(self.filled)
            if place < len(self.images):
                self.images[place] = image.half()
                self.filled += 1
            elif torch.randint(2, (), generator=random):
                place = int(torch.randint(len(self.images), (), generator=random))
                old = self.images[place].to(image.dtype)
                self.images[place] = image.half()
                image = old
            handed.append(image)
        return torch.stack(handed)
