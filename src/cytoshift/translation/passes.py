"""The generator over windows of tiles, with whichever normalization: one step of the bridge at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

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

PAIR = 20 << 20
"""Bytes of the widest features of two windows up to which a CPU takes two at once: measured 3 % faster than one by one.
Above it is slower by 17 %, and four at once always are: memory then goes back to the system after every layer."""

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
        return self._run(images, step, places, lambda part: plain_norm)

    def collect(
        self, images: Tensor, step: int, places: Sequence[Place], extents: Sequence[Extent]
    ) -> tuple[Table, Tensor]:
        """Predict with the moments of each tile's core; return these, ``(batch, 2, channels)``, and the prediction."""
        collected: list[Collecting] = []

        def collect(part: slice) -> Normalize:
            collected.append(Collecting(self.window, self.sites, extents[part]))
            return collected[-1]

        predicted = self._run(images, step, places, collect)
        return torch.cat([each.table for each in collected]).cpu().numpy(), predicted

    def translate(self, images: Tensor, step: int, places: Sequence[Place], tables: Table) -> Tensor:
        """Predict with moments that lie between the tables ``(batch, 2, 3, 3, channels)`` of tiles and neighbours."""
        there = torch.from_numpy(tables).to(self.device)
        return self._run(images, step, places, lambda part: Dense(self.window, self.sites, there[part]))

    def advance(self, states: Tensor, predicted: Tensor, step: int, places: Sequence[Place]) -> Tensor:
        """Take a step of the bridge, with the noise of these places."""
        return self._bridge[step](states, predicted, self._drawn(step, Draw.BRIDGE, places, states, 3))

    @torch.inference_mode()
    def _run(
        self, images: Tensor, step: int, places: Sequence[Place], normalize: Callable[[slice], Normalize]
    ) -> Tensor:
        """Ask the generator; `normalize` returns what normalizes a part of the batch."""
        given = images
        if self._noise:
            noise = self._drawn(step, Draw.CHANNEL, places, images, 1) * self._noise
            given = torch.cat([images, noise], 1)
        given = given.contiguous(memory_format=torch.channels_last)
        length = self._plan.style
        style = torch.from_numpy(style_draw(self.seed, step, length)).to(self.device)[None] if length else None
        predicted: list[Tensor] = []
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            for part in self._parts(len(given)):
                made = self.generator(given[part], step, style, _breathing(normalize(part)))
                predicted.append(made.float())
        return torch.cat(predicted) if len(predicted) > 1 else predicted[0]

    def _parts(self, batch: int) -> Iterator[slice]:
        """Cut a batch into what the generator is given at once: all of it but on a CPU, see `PAIR`."""
        pair = 2 * (2 * self._plan.width * self.window.side**2 * 4)
        most = batch if self.device.type != "cpu" else 2 if pair <= PAIR else 1
        return (slice(start, start + most) for start in range(0, batch, most))

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
