"""The generator over windows of tiles, with whichever normalization: one step of the bridge at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cytoshift.engine.pace import breathe
from cytoshift.translation.bridge import coefficients
from cytoshift.translation.generator import Generator, Normalize
from cytoshift.translation.noise import Draw, pixel_noise, style_draw
from cytoshift.translation.normalization import Collecting, Dense, Table, Window, plain_norm
from cytoshift.translation.normalization.moments import Extent
from cytoshift.translation.recipe import TranslatorArchitecture

RGB = npt.NDArray[np.uint8]

Place = tuple[int, int]
"""y and x of a window's or core's upper left pixel on the raster."""


class Passes:
    """A generator on its device, asked with a seed.

    Convolutions run in bfloat16 on CUDA; moments, and what is done with them, are float32 everywhere.

    Parameters
    ----------
    generator : Generator
    architecture : TranslatorArchitecture
    seed : int
        Of all noise.
    device : torch.device
    """

    def __init__(
        self, generator: Generator, architecture: TranslatorArchitecture, seed: int, device: torch.device
    ) -> None:
        self.device = device
        self.generator = generator.to(device).to(memory_format=torch.channels_last).eval()
        self.window = Window(architecture.tile, architecture.generator.halo)
        self.sites = architecture.generator.sites
        self.seed = seed
        self._plan = architecture.generator
        self._bridge = coefficients(architecture.steps, architecture.tau)
        self._noise = architecture.noise

    def together(self, batch: int) -> int:
        """Return how many windows of a batch are worked on at once: all of it, but on a CPU one after the other.

        Features of several windows outgrow its caches, and the memory that the C library keeps: two at once took 1.4
        times as long for each.
        """
        return 1 if self.device.type == "cpu" else batch

    def tensor(self, windows: npt.NDArray[np.generic]) -> Tensor:
        """Return windows ``(batch, y, x, 3)``, uint8 pixels or float16 states, as float32 -1 to 1 on the device."""
        moved = torch.from_numpy(np.ascontiguousarray(windows)).to(self.device).permute(0, 3, 1, 2)
        return moved.float() if moved.is_floating_point() else moved.float().div_(127.5).sub_(1)

    def pixels(self, images: Tensor) -> RGB:
        """Return images as uint8 ``(batch, y, x, 3)``."""
        grey = images.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
        rgb: RGB = grey.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return rgb

    def plain(self, images: Tensor, step: int, places: Sequence[Place]) -> Tensor:
        """Predict the end of the bridge with plain instance norm over each window."""
        return self._run(images, step, places, plain_norm)

    def collect(
        self, images: Tensor, step: int, places: Sequence[Place], extents: Sequence[Extent]
    ) -> tuple[Table, Tensor]:
        """Predict with the moments of each tile's core; return these, ``(batch, 2, channels)``, and the prediction."""
        collecting = Collecting(self.window, self.sites, extents)
        predicted = self._run(images, step, places, collecting)
        return collecting.table.cpu().numpy(), predicted

    def translate(self, images: Tensor, step: int, places: Sequence[Place], tables: Table) -> Tensor:
        """Predict with moments that lie between the tables ``(batch, 2, 3, 3, channels)`` of tiles and neighbours."""
        dense = Dense(self.window, self.sites, torch.from_numpy(tables).to(self.device))
        return self._run(images, step, places, dense)

    def advance(self, states: Tensor, predicted: Tensor, step: int, places: Sequence[Place]) -> Tensor:
        """Take a step of the bridge, with the noise of these places."""
        return self._bridge[step](states, predicted, self._drawn(step, Draw.BRIDGE, places, states, 3))

    @torch.inference_mode()
    def _run(self, images: Tensor, step: int, places: Sequence[Place], normalize: Normalize) -> Tensor:
        given = images
        if self._noise:
            noise = self._drawn(step, Draw.CHANNEL, places, images, 1) * self._noise
            given = torch.cat([images, noise], 1)
        given = given.contiguous(memory_format=torch.channels_last)
        length = self._plan.style
        style = torch.from_numpy(style_draw(self.seed, step, length)).to(self.device)[None] if length else None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            predicted: Tensor = self.generator(given, step, style, _breathing(normalize))
            return predicted.float()

    def _drawn(self, step: int, draw: Draw, places: Sequence[Place], like: Tensor, channels: int) -> Tensor:
        height, width = like.shape[2:]
        drawn = [pixel_noise(self.seed, step, draw, y, x, height, width, channels) for y, x in places]
        return torch.from_numpy(np.stack(drawn)).to(self.device).permute(0, 3, 1, 2)


def _breathing(normalize: Normalize) -> Normalize:
    """Return a normalization before which whoever asked for the work may make it wait, or stop."""

    def normalized(site: int, features: Tensor) -> Tensor:
        breathe()
        return normalize(site, features)

    return normalized
