"""The audit on real fields: another scanner's rendering is (nearly) clean, and what was altered is found.

Its thresholds were set on training fields; these are the others.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from alterations import erase_nucleus, paste_nucleus, scale_nucleus, smooth_chromatin

from cytoshift import stain
from cytoshift.engine import DerivedSlide
from cytoshift.slides import open_slide
from cytoshift.slides.pyramid import halve
from cytoshift.training.coco import read_coco
from cytoshift.translation.audit import KINDS, Audit, audit_pair, audit_slide
from cytoshift.translation.audit.density import darkness_of_both
from cytoshift.translation.audit.nuclei import find_nuclei

RGB = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

MPP = 0.25
FIELDS = slice(2, 24, 7)
EACH = 5


@cache
def files(data: Path) -> list[tuple[Path, Path]]:
    """Return fields of the validation split, as both scanners show them."""
    one, other = (read_coco(data / "cervical" / name, "val").fields for name in ("cric", "cric-scanner-b"))
    return [(a.path, b.path) for a, b in zip(one, other, strict=True)][FIELDS]


@cache
def fields(data: Path) -> list[tuple[RGB, RGB]]:
    return [
        tuple(open_slide(path).read(0, 0, 0, 959, 1280) for path in pair)  # type: ignore[misc]
        for pair in files(data)
    ]


def total(audits: list[Audit]) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    for audit in audits:
        counts.update(audit.counts)
    return counts, sum(audit.nuclei[0] for audit in audits)


@pytest.mark.parametrize("there", [True, False], ids=["to-b", "from-b"])
def test_the_second_scanners_rendering_is_nearly_clean(data: Path, there: bool) -> None:
    audits = [audit_pair(*(pair if there else pair[::-1]), MPP) for pair in fields(data)]
    counts, nuclei = total(audits)
    assert nuclei > 200
    assert counts["invented"] == counts["lost"] == 0
    assert counts["outline"] <= 0.02 * nuclei
    assert counts["texture"] <= 0.02 * nuclei
    assert all(audit.within_floor for audit in audits)
    assert max(np.quantile(audit.disagreement, 0.99) for audit in audits) < 0.12


@pytest.mark.parametrize("method", ["reinhard", "macenko"])
def test_stain_normalization_is_nearly_clean(data: Path, method: str) -> None:
    for paths in files(data)[:1]:
        for path in paths:
            slide = open_slide(path).calibrated((MPP, MPP))
            audit = audit_slide(slide, DerivedSlide(slide, stain.method(method).prepare(slide)))
            assert audit.nuclei[0] > 20
            assert audit.counts["invented"] == audit.counts["lost"] == 0
            assert audit.within_floor


def clear_nuclei(field: RGB, second: RGB) -> list[Mask]:
    """Return the masks of a few nuclei that are large, sharp and whole."""
    small = [halve(picture) for picture in (field, second)]
    found = find_nuclei(darkness_of_both(small[0], small[1], 2 * MPP)[0].least, 2 * MPP)
    x, y = found.points.T
    whole = (x > 20) & (x < 620) & (y > 20) & (y < 455)
    clear = whole & (found.edges > np.median(found.edges)) & (found.areas * (2 * MPP) ** 2 > 25)
    masks = [found.labels == k + 1 for k in np.random.default_rng(0).permutation(np.flatnonzero(clear))[:EACH]]
    return [np.repeat(np.repeat(mask, 2, 0), 2, 1)[:959] for mask in masks]


@pytest.mark.parametrize("kind", ["lost", "texture", "outline"])
def test_what_was_altered_in_the_second_scanners_rendering_is_found(data: Path, kind: str) -> None:
    found = altered = 0
    for field, second in fields(data):
        masks = clear_nuclei(field, second)
        pixels = second
        for mask in masks:
            if kind == "lost":
                pixels = erase_nucleus(pixels, mask, mask, MPP)
            elif kind == "texture":
                pixels = smooth_chromatin(pixels, mask, MPP)
            else:
                pixels = scale_nucleus(pixels, mask, 0.75)
        audit = audit_pair(field, pixels, MPP)
        for mask in masks:
            y, x = (int(v.mean()) for v in np.nonzero(mask))
            x0, y0, x1, y1 = audit.boxes.T
            here = audit.kinds[(x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1)]
            found += KINDS.index(kind) in here  # type: ignore[arg-type]
            altered += 1
    assert altered >= 12
    assert found >= 0.8 * altered


def test_a_nucleus_on_glass_is_invented(data: Path) -> None:
    for field, second in fields(data):
        light = second.mean(axis=-1)
        places = [(y, x) for y in range(60, 900, 20) for x in range(60, 1220, 20)]
        y, x = max(places, key=lambda at: light[at[0] - 45 : at[0] + 45, at[1] - 45 : at[1] + 45].min())
        audit = audit_pair(field, paste_nucleus(second, y, x, seed=1), MPP)
        assert audit.counts["invented"] == 1
        assert np.abs(audit.points[audit.kinds == 0][0] - (x, y)).max() < 4
