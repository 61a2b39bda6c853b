"""What lies between the squamous cells: leukocytes, bacteria, specks and fibres, each drawn once and placed often."""

from __future__ import annotations

from functools import cache

import numpy as np

from cytoshift.slides.samples.cells import Stamp, polar, soft
from cytoshift.slides.samples.texture import PERIOD, Field, cut, texture

BANK = 48
"""Different stamps of each sort."""

SORTS = ("leukocyte", "speck", "bacteria", "dust", "fibre")


def _disc(half: int, y: float, x: float, radius: float, edge: float = 1.8) -> Field:
    rows, columns = np.mgrid[-half:half, -half:half].astype(np.float32)
    return soft(radius - np.hypot(rows - np.float32(y), columns - np.float32(x)) + edge / 2, edge)


def _leukocyte(rng: np.random.Generator) -> Stamp:
    """Draw a neutrophil: two to four dark lobes on an arc in a faint cell of some 12 µm."""
    half = 32
    lobes, turn = int(rng.integers(2, 5)), rng.uniform(0, 2 * np.pi)
    nucleus = np.zeros((2 * half, 2 * half), np.float32)
    for k in range(lobes):
        angle = turn + (k - lobes / 2) * rng.uniform(1.2, 1.9)
        out = rng.uniform(4.0, 6.5)
        for step in (0.0, rng.uniform(1.0, 4.0)):  # two discs make an oval lobe
            y, x = out * np.sin(angle) + step * np.cos(angle), out * np.cos(angle) - step * np.sin(angle)
            nucleus = np.maximum(nucleus, _disc(half, y, x, rng.uniform(4.0, 5.8)))
    nucleus *= 0.9 + 0.16 * cut(texture(1.6), int(rng.integers(PERIOD)), int(rng.integers(PERIOD)), 2 * half, 2 * half)
    radius, _ = polar(half)
    body = soft(np.float32(rng.uniform(11, 15)) - radius, 5.0)
    pale = (0.05, rng.uniform(0, 0.08), 0.0, rng.uniform(0.05, 0.22), 0.0)
    dark = rng.uniform(1.15, 1.8)
    return Stamp(((pale, body), ((dark, 0.08 * dark, 0.0, 0.0, 0.0), nucleus)))


def _speck(rng: np.random.Generator) -> Stamp:
    """Draw a droplet or grain with its ring of diffraction."""
    half, size = 16, rng.uniform(1.2, 3.2)
    radius, _ = polar(half)
    ring = np.exp(-np.square((radius - np.float32(size)) / 1.2)) - 0.06 * np.exp(-np.square((radius - size - 3) / 1.3))
    strength = rng.uniform(0.15, 0.7)
    return Stamp((((0.3 * strength, 0.0, 0.2 * strength, 0.0, strength), np.asarray(ring, np.float32)),))


def _bacteria(rng: np.random.Generator) -> Stamp:
    """Draw a field of rods 2 to 3 µm long."""
    half = 64
    field = np.zeros((2 * half, 2 * half), np.float32)
    for _ in range(int(rng.integers(6, 40))):
        y, x = rng.normal(half, 20, 2)
        angle, length = rng.uniform(0, np.pi), rng.uniform(3, 7)
        steps = np.linspace(-length, length, 12)
        rows = np.clip(y + steps * np.sin(angle), 0, 2 * half - 1).astype(int)
        columns = np.clip(x + steps * np.cos(angle), 0, 2 * half - 1).astype(int)
        field[rows, columns] = 1.0
    return Stamp((((rng.uniform(0.15, 0.35), 0.1, 0.0, 0.1, 0.0), field),))


def _dust(rng: np.random.Generator) -> Stamp:
    """Draw a speck of dust far out of focus."""
    half, size = 64, rng.uniform(10, 30)
    radius, _ = polar(half)
    blob = soft(np.float32(size) - radius + 12, 24.0)
    return Stamp((((0.0, 0.0, 0.02, 0.0, rng.uniform(0.04, 0.22)), blob),))


def _fibre(rng: np.random.Generator) -> Stamp:
    """Draw a fibre on the glass, a bent dark line."""
    half = 160
    turn, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.004)
    rows, columns = np.mgrid[-half:half, -half:half].astype(np.float32)
    along = columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))
    across = rows * np.float32(np.cos(turn)) - columns * np.float32(np.sin(turn))
    line = np.exp(-np.square((across + np.float32(bend) * along * along) / np.float32(rng.uniform(1.5, 3.0))))
    ends = soft(np.float32(rng.uniform(60, 140)) - np.abs(along), 20.0)
    return Stamp((((0.0, 0.05, 0.1, 0.0, rng.uniform(0.2, 0.7)), np.asarray(line * ends, np.float32)),))


_DRAW = dict(zip(SORTS, (_leukocyte, _speck, _bacteria, _dust, _fibre), strict=True))


@cache
def bank(sort: str, number: int) -> Stamp:
    """Return stamp `number` (0 to `BANK`) of a sort."""
    return _DRAW[sort](np.random.default_rng([SORTS.index(sort), number]))
