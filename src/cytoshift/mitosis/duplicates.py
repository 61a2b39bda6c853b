"""The same mitosis in two sources: by the pixels of its patch, or by its place on its slide.

All 1,721 mitoses of AMi-Br that are from MIDOG 2021 are in the MIDOG 2025 set, too. Whoever takes them for two sources
measures with what was learnt from.
"""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from cytoshift.errors import DataError
from cytoshift.mitosis.patches import PatchSet, joined

_LISTED = 3
"""Pairs that an error lists."""


def doubles(patches: PatchSet) -> list[tuple[int, ...]]:
    """Return the places of patches that show the same mitosis, group by group, each in order.

    Two patches are the same where their pixels are, or where their slides have the same file name and the mitosis lies
    at the same point. A patch that was saved with loss, or cut a pixel beside, is found by its point only.
    """
    group = list(range(len(patches)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    first: dict[Hashable, int] = {}
    for index in range(len(patches)):
        for key in _keys(patches, index):
            one, other = sorted((root(first.setdefault(key, index)), root(index)))
            group[other] = one
    members: dict[int, list[int]] = {}
    for index in range(len(patches)):
        members.setdefault(root(index), []).append(index)
    return [tuple(each) for each in members.values() if len(each) > 1]


def without_doubles(patches: PatchSet) -> PatchSet:
    """Return the set with the first patch of each mitosis only; `cytoshift.mitosis.joined` sets the order."""
    again = {index for group in doubles(patches) for index in group[1:]}
    return patches.select([index for index in range(len(patches)) if index not in again])


def without_those_of(patches: PatchSet, other: PatchSet) -> PatchSet:
    """Return the patches of mitoses that another set has no patch of, to measure on what was not learnt from."""
    shared = {
        index - len(other) for group in doubles(joined([other, patches])) if group[0] < len(other) for index in group
    }
    return patches.select([index for index in range(len(patches)) if index not in shared])


def refuse_doubles(learnt: PatchSet, held_back: PatchSet) -> None:
    """Raise DataError where a mitosis is on both sides of a split, whichever sources its patches are from."""
    files = learnt.files + held_back.files
    both = [
        (min(group), next(index for index in group if index >= len(learnt)))
        for group in doubles(joined([learnt, held_back]))
        if min(group) < len(learnt) <= max(group)
    ]
    if not both:
        return
    named = "; ".join(f"{files[one].name} and {files[other].name}" for one, other in both[:_LISTED])
    more = f" and {len(both) - _LISTED} more" if len(both) > _LISTED else ""
    raise DataError(
        f"{len(both)} mitoses are learnt from and held back ({named}{more}); join the sources and take the doubles out"
        " (cytoshift.mitosis.without_doubles), or leave one source out."
    )


def _keys(patches: PatchSet, index: int) -> list[Hashable]:
    """Return what is the same for two patches of one mitosis."""
    pixels = patches.read(index)
    keys: list[Hashable] = [(pixels.shape, blake2b(pixels.tobytes(), digest_size=16).digest())]
    x, y = patches.points[index].tolist()
    if not np.isnan([x, y]).any():
        keys.append((Path(patches.slides[index]).name.lower(), x, y))
    return keys
