"""Tells brightfield from fluorescence by a few pixels."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from cytoshift.slides.readers.source import RGB, Source

DARK = 45.0
"""Median grey value under which a slide is dark. Dim brightfield fields were measured at 85 and more, DAPI at 5."""

_GLASS = 90
_SIDE = 32


def is_brightfield(source: Source) -> bool:
    """Return whether light falls through the slide; a file that says so is believed, otherwise its pixels decide."""
    if source.facts.brightfield is not None:
        return source.facts.brightfield
    pixels = _sample(source)
    return looks_brightfield(pixels) if len(pixels) else True


def looks_brightfield(pixels: RGB) -> bool:
    """Return whether pixels ``(..., 3)`` show a bright background with dark matter.

    A slide is fluorescence when most of it is dark and hardly any of it is the bright neutral grey of glass, which
    tells it from a brightfield scan with black margins.
    """
    dark = float(np.median(pixels.mean(axis=-1))) < DARK
    glass = float((pixels.min(axis=-1) > _GLASS).mean())
    return not dark or glass > 0.05


def _sample(source: Source) -> RGB:
    """Read the coarsest stored level where it is small, patches spread over it otherwise; bad tiles are left out."""
    index = len(source.levels) - 1
    level = source.levels[index]
    high, wide = min(_SIDE, level.height), min(_SIDE, level.width)
    regions = [
        (int(fy * (level.height - high)), int(fx * (level.width - wide)), high, wide)
        for fy in (0.2, 0.5, 0.8)
        for fx in (0.2, 0.5, 0.8)
    ]
    if level.height * level.width <= 1 << 20:
        regions = [(0, 0, level.height, level.width), *regions]
    read: list[RGB] = []
    for region in regions:
        with suppress(Exception):  # a bad tile is told of when somebody looks at it
            read.append(source.read(index, *region).reshape(-1, 3))
            if region[2:] == (level.height, level.width):
                break
    return np.concatenate(read) if read else np.empty((0, 3), np.uint8)
