"""Draw one cell: how much of each dye lies at every pixel of a small stamp around it."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cytoshift.slides.samples.kinds import KINDS, MPP, Kind
from cytoshift.slides.samples.texture import PERIOD, Field, cut, texture

DYES = 5
"""Hematoxylin, eosin, orange G, light green, dirt: the order of all amounts."""

_ANGLES = 1024
_THETA = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)

BOX = 60.0
"""Least side in pixels of the box of a cell: the CRIC collection labels a fixed window around each nucleus."""


class Cell(NamedTuple):
    """A squamous cell in the scene: centre of its nucleus in level-0 pixels, kind, and the seed of its looks."""

    y: int
    x: int
    kind: str
    seed: int


class Stamp(NamedTuple):
    """Dyes around a centre.

    Parameters
    ----------
    layers : tuple of (amounts, map)
        Square maps of float32 with an even side, each with its amount of every dye; the centre is the first pixel
        after the middle.
    """

    layers: tuple[tuple[tuple[float, ...], Field], ...]


@cache
def polar(half: int) -> tuple[Field, npt.NDArray[np.intp]]:
    """Return the radius and the angle (as an index into a table of outlines) of every pixel of a stamp."""
    y, x = np.mgrid[-half:half, -half:half]
    angle = np.floor(np.arctan2(y, x) / (2 * np.pi) * _ANGLES + 0.5).astype(np.intp) % _ANGLES
    return np.hypot(y, x).astype(np.float32), angle


def polygon(rng: np.random.Generator, radius: float, corners: int, stretch: float) -> Field:
    """Return the radius over the angle of a rounded polygon, stretched along a random direction."""
    turn = rng.uniform(0, 2 * np.pi)
    normals = turn + (np.arange(corners) + rng.uniform(-0.28, 0.28, corners)) * 2 * np.pi / corners
    heights = rng.uniform(0.72, 1.15, corners)
    facing = np.cos(_THETA[:, None] - normals)
    sides = np.where(facing > 0.12, heights / np.maximum(facing, 0.12), 9.0)
    outline = (sides**-13.0).sum(1) ** (-1 / 13.0)
    along = _THETA - rng.uniform(0, 2 * np.pi)
    outline = outline / np.hypot(np.cos(along) / np.sqrt(stretch), np.sin(along) * np.sqrt(stretch))
    wobble = sum(rng.normal(0, 0.075 / k) * np.cos(k * _THETA + rng.uniform(0, 6.28)) for k in range(3, 30, 2))
    outline = outline * (1 + wobble)
    return np.asarray(radius * outline / outline.mean(), np.float32)


def oval(rng: np.random.Generator, radius: float, ragged: float) -> Field:
    """Return the radius over the angle of an oval with an irregular outline."""
    stretch = 1 + abs(rng.normal(0, 0.14)) + ragged
    along = _THETA - rng.uniform(0, 2 * np.pi)
    outline = 1 / np.hypot(np.cos(along) / np.sqrt(stretch), np.sin(along) * np.sqrt(stretch))
    waves = sum(rng.normal(0, ragged / k) * np.cos(k * _THETA + rng.uniform(0, 6.28)) for k in range(2, 8))
    return np.asarray(radius * outline * (1 + waves), np.float32)


def soft(distance: Field, width: float) -> Field:
    """Return a step from 0 to 1 that rises over `width` pixels."""
    ramp = np.clip(distance / np.float32(width), 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def _somewhere(rng: np.random.Generator, grain: float, half: int, variant: int = 0) -> Field:
    y, x = rng.integers(0, PERIOD, 2)
    return cut(texture(grain, variant), int(y), int(x), 2 * half, 2 * half)


def core_outline(kind: str, seed: int) -> Field:
    """Return the outline of a cell's nucleus as the radius in pixels over the angle."""
    rng = np.random.default_rng([seed, 1])
    how = KINDS[kind]
    return oval(rng, rng.uniform(*how.nucleus) / MPP, how.ragged)


@lru_cache(maxsize=160)
def stamp(kind: str, seed: int) -> Stamp:
    """Draw a cell of a kind; the same seed draws the same cell."""
    rng, how, core = np.random.default_rng([seed, 0]), KINDS[kind], core_outline(kind, seed)
    corners, stretch = round(rng.uniform(*how.corners)), rng.uniform(*how.stretch)
    outline = np.maximum(polygon(rng, rng.uniform(*how.cell) / MPP, corners, stretch), core * 1.12 + 1)
    half = -(-int(outline.max() + 6) // 16) * 16
    thick = _cytoplasm(rng, outline, half)
    if rng.random() < how.halo:
        thick = _clear(rng, thick, core, half)
    nucleus, density = _nucleus(rng, core, how), rng.uniform(*how.hematoxylin)
    blur = rng.normal(0.1, 0.7)
    if blur > 0.5:  # above or below the plane of focus
        thick, nucleus = (ndimage.gaussian_filter(part, blur, radius=3) for part in (thick, nucleus))
    eosin, orange, green = (rng.uniform(*span) for span in (how.eosin, how.orange, how.green))
    inward = rng.uniform(0.0, 0.75)  # keratin gathers around the nucleus and leaves the rim pale
    layers = [((0.02, eosin, (1 - inward) * orange, green, 0.0), thick)]
    if inward * orange > 0.06:
        layers.append(((0.0, 0.25 * inward * orange, 1.8 * inward * orange, 0.0, 0.0), _inward(rng, outline, thick)))
    return Stamp((*layers, ((density, 0.12 * density, 0.06 * density, 0.0, 0.0), nucleus)))


def _cytoplasm(rng: np.random.Generator, outline: Field, half: int) -> Field:
    radius, angle = polar(half)
    edge = outline[angle]
    inner = edge - radius  # pixels to the outline
    body = soft(inner, 2.5)
    share = np.clip(radius / edge, 0, 1)
    thick = 0.80 + 0.10 * _somewhere(rng, 14.0, half) + 0.07 * _somewhere(rng, 6.0, half)
    thick += 0.06 * _somewhere(rng, 2.4, half) + 0.09 * _somewhere(rng, 0.9, half)
    thick += rng.uniform(0.0, 0.5) * (1 - share)
    thick += rng.uniform(0.1, 0.3) * np.exp(-np.square((inner - 2.5) / 2.2))  # the edge shows as a thin line
    for _ in range(rng.integers(0, 5)):
        thick += _fold(rng, radius, angle, half)
    if rng.random() < 0.3:  # keratohyaline granules
        grains = np.clip(_somewhere(rng, 1.6, half, variant=1) - 2.3, 0, 1)
        thick += 2.2 * grains
    return np.maximum(thick, 0.25) * body


def _inward(rng: np.random.Generator, outline: Field, thick: Field) -> Field:
    half = thick.shape[0] // 2
    radius, angle = polar(half)
    near = np.clip(1.05 - radius / outline[angle] + 0.16 * _somewhere(rng, 14.0, half), 0, 1)
    return np.asarray(thick * near, np.float32)


def _fold(rng: np.random.Generator, radius: Field, angle: npt.NDArray[np.intp], half: int) -> Field:
    """Draw a wrinkle: a curved line, steep on one side, fading on the other where the flap lies double."""
    turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.6) / half
    across = radius * np.cos(_THETA - turn).astype(np.float32)[angle]
    along = radius * np.sin(_THETA - turn).astype(np.float32)[angle]
    distance = across + np.float32(bend) * along * along - rng.uniform(0.25, 0.6) * half
    wide = rng.uniform(3, 30)
    flap = np.exp(-np.abs(distance) / np.where(distance > 0, np.float32(wide), np.float32(1.4)))
    reach = np.exp(-np.square((along - rng.normal(0, 0.2) * half) / np.float32(rng.uniform(0.3, 0.7) * half)))
    return np.asarray(rng.uniform(0.3, 1.2) * flap * reach, np.float32)


def _clear(rng: np.random.Generator, thick: Field, core: Field, half: int) -> Field:
    """Clear a koilocyte's zone around the nucleus; its edge is thickened."""
    radius, angle = polar(half)
    zone = oval(rng, float(core.mean()) * rng.uniform(1.6, 2.3), 0.22)[angle] - radius + 3 * _somewhere(rng, 6.0, half)
    rim = np.exp(-np.square(zone / np.float32(5.0)))
    return np.asarray(thick * (1 - 0.6 * soft(zone, 9.0)) * (1 + 0.35 * rim), np.float32)


def _nucleus(rng: np.random.Generator, core: Field, how: Kind) -> Field:
    half = -(-int(core.max() + 4) // 16) * 16
    radius, angle = polar(half)
    inner = core[angle] - radius
    clumps = np.clip(_somewhere(rng, 2.4, half), -2, 2) + 0.5 * _somewhere(rng, 1.2, half)
    dense = 0.82 + how.chromatin * clumps + (0.12 + how.chromatin) * np.exp(-np.square((inner - 2) / 1.8))
    return np.asarray(np.maximum(dense, 0.3) * soft(inner, 2.2), np.float32)
