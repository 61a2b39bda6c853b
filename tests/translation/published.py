"""The published generators of UNSB and CUT, said again module by module, so that names and results can be compared."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Fixed(nn.Module):
    """A blur that saves its kernel under the published name."""

    def __init__(self, channels: int, line: tuple[float, ...], gain: float) -> None:
        super().__init__()
        kernel = torch.outer(torch.tensor(line), torch.tensor(line))
        self.register_buffer("filt", (gain * kernel / kernel.sum()).expand(channels, 1, -1, -1).clone())
        self.channels = channels


class Down(Fixed):
    """Blur with [1, 2, 1] over mirrored borders, every second pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, (1.0, 2.0, 1.0), 1.0)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.filt, stride=2, groups=self.channels)


class Up(Fixed):
    """Zeros in between and blur with [1, 3, 3, 1], over repeated borders."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, (1.0, 3.0, 3.0, 1.0), 4.0)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (1, 1, 1, 1), mode="replicate")
        made = functional.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=self.channels)
        return made[:, :, 1:-1, 1:-1]


def ends(width: int) -> tuple[list[nn.Module], list[nn.Module]]:
    """Return the layers before and after the blocks."""
    before: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU()]
    for n in (1, 2):
        convolution = nn.Conv2d(n * width, 2 * n * width, 3, padding=1)
        before += [convolution, nn.InstanceNorm2d(2 * n * width), nn.ReLU(), Down(2 * n * width)]
    after: list[nn.Module] = []
    for n in (2, 1):
        convolution = nn.Conv2d(2 * n * width, n * width, 3, padding=1)
        after += [Up(2 * n * width), convolution, nn.InstanceNorm2d(n * width), nn.ReLU()]
    return before, [*after, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]


class Length(nn.Module):
    """Divide a vector by its root mean square."""

    def forward(self, vector: Tensor) -> Tensor:
        return vector / vector.square().mean(1, keepdim=True).add(1e-8).sqrt()


class Affine(nn.Module):
    """Scale and shift by a style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.style_net = nn.Linear(channels, 2 * channels)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        gamma, beta = self.style_net(style)[..., None, None].chunk(2, 1)
        return gamma * features + beta


class ReleasedBlock(nn.Module):
    """A block whose first half is a loop that hands every layer the block's input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.ModuleList(
            [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        )
        self.adaptive = Affine(channels)
        self.conv_fin = nn.ModuleList(
            [nn.ReLU(), nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        )
        self.Dense_time = nn.Linear(channels, channels)
        self.style = nn.Linear(channels, 2 * channels)

    def forward(self, features: Tensor, time: Tensor, style: Tensor) -> Tensor:
        late = self.Dense_time(time)[..., None, None]
        for place, layer in enumerate(self.conv_block):
            made = layer(features)
            if place == 0:
                made = made + late
        made = self.adaptive(made, style)
        for layer in self.conv_fin:
            made = layer(made)
        return features + made


class ReleasedGenerator(nn.Module):
    """``resnet_9blocks_cond``, with any number of blocks."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        before, after = ends(width)
        self.width = width
        self.model = nn.Sequential(*before)
        self.model_res = nn.ModuleList(ReleasedBlock(4 * width) for _ in range(blocks))
        self.model_upsample = nn.Sequential(*after)
        layers: list[nn.Module] = [Length()]
        for _ in range(4):
            layers += [nn.Linear(4 * width, 4 * width), nn.LeakyReLU(0.2)]
        self.z_transform = nn.Sequential(*layers)
        self.time_embed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.LeakyReLU(0.2), nn.Linear(4 * width, 4 * width), nn.LeakyReLU(0.2)
        )
        for name, parameter in self.named_parameters():
            if name.endswith("bias") and name.startswith(UNTAUGHT + tuple(_block_parts(blocks))):
                nn.init.zeros_(parameter)

    def forward(self, image: Tensor, step: int, draw: Tensor) -> Tensor:
        half = self.width // 2
        frequencies = torch.exp(-math.log(10_000) * torch.arange(half, dtype=draw.dtype) / (half - 1))
        angles = step * frequencies
        time = self.time_embed(torch.cat([angles.sin(), angles.cos()])[None])
        style, features = self.z_transform(draw), self.model(image)
        for block in self.model_res:
            features = block(features, time, style)
        return self.model_upsample(features)


UNTAUGHT = ("time_embed.",)


def _block_parts(blocks: int) -> list[str]:
    return [f"model_res.{k}.{part}" for k in range(blocks) for part in ("conv_block.", "Dense_time.", "style.")]


class Block(nn.Module):
    """A block of CUT and CycleGAN."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for last in (False, True):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
            layers += [] if last else [nn.ReLU()]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv_block(features)


class PlainGenerator(nn.Module):
    """``resnet_9blocks`` of CUT's code, with any number of blocks."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        before, after = ends(width)
        self.model = nn.Sequential(*before, *(Block(4 * width) for _ in range(blocks)), *after)

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)
