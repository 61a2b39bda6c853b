"""The audit of drawn cells: the same cells in other colours are clean, and every alteration is found."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from alterations import erase_nucleus, paste_nucleus, scale_nucleus, smooth_chromatin
from hypothesis import given, settings
from hypothesis import strategies as st

from cytoshift.slides.samples import Scene, render_tile
from cytoshift.slides.samples.cells import core_outline
from cytoshift.translation.audit import KINDS, Audit, audit_pair

RGB = npt.NDArray[np.uint8]

MPP = 0.25
SIDE = 1024


@cache
def scene() -> Scene:
    return Scene(3)


@cache
def drawn(style: str = "home") -> RGB:
    return render_tile(scene(), 0, 0, SIDE, SIDE, style)  # type: ignore[arg-type]


@cache
def free_cell() -> tuple[int, int, npt.NDArray[np.bool_]]:
    """Return y and x of a large drawn nucleus apart from all others, and its mask."""
    everything = [(c.y, c.x) for c in (*scene().cells(0, 0, SIDE, SIDE), *scene().things(0, 0, SIDE, SIDE))]
    for cell in scene().cells(0, 0, SIDE, SIDE):
        alone = sum((cell.y - y) ** 2 + (cell.x - x) ** 2 < 60**2 for y, x in everything) == 1
        outline = core_outline(cell.kind, cell.seed)
        if alone and outline.mean() > 13 and 80 < cell.y < SIDE - 80 and 80 < cell.x < SIDE - 80:
            y, x = np.mgrid[:SIDE, :SIDE]
            angle = np.floor(np.arctan2(y - cell.y, x - cell.x) / (2 * np.pi) * len(outline) + 0.5).astype(int)
            mask = np.hypot(y - cell.y, x - cell.x) < outline[angle % len(outline)]
            return cell.y, cell.x, mask
    raise AssertionError("no cell lies apart")


def found(audit: Audit, y: int, x: int) -> set[str]:
    """Return the kinds of changes at a place."""
    x0, y0, x1, y1 = audit.boxes.T
    here = (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
    return {KINDS[kind] for kind in audit.kinds[here]}


def elsewhere(audit: Audit, y: int, x: int) -> int:
    """Return how many changes there are beyond 20 µm of a place."""
    return int((np.abs(audit.points - (x, y)).max(axis=1) > 80).sum()) if len(audit.points) else 0


def test_the_same_picture_is_clean() -> None:
    audit = audit_pair(drawn(), drawn(), MPP)
    assert audit.nuclei[0] == audit.nuclei[1] > 10
    assert len(audit.kinds) == 0
    assert audit.disagreement.max() < 1e-5
    assert (audit.compared.iou == 1).all()
    assert np.nanmax(audit.compared.texture) < 1e-6
    assert audit.verdict.startswith("nothing changed of")


def test_the_drawn_second_scanner_is_clean() -> None:
    """The same cells through another stain, lamp and optics: truth is that nothing changed."""
    audit = audit_pair(drawn(), drawn("away"), MPP)
    assert audit.counts["invented"] == audit.counts["lost"] == 0
    assert len(audit.kinds) <= 0.05 * audit.nuclei[0]
    assert np.quantile(audit.disagreement, 0.95) < 0.15


@given(
    gamma=st.floats(0.6, 1.6),
    mix=st.lists(st.floats(-0.15, 0.15), min_size=6, max_size=6),
    light=st.floats(0.7, 1.0),
)
@settings(max_examples=4, deadline=None, derandomize=True)
def test_a_pure_change_of_colour_is_clean(gamma: float, mix: list[float], light: float) -> None:
    matrix = np.eye(3)
    matrix[~np.eye(3, dtype=bool)] = mix
    density = -np.log((drawn() + 1.0) / 256)
    changed = 255 * light * np.exp(-gamma * np.maximum(density @ matrix.T, 0))
    audit = audit_pair(drawn(), changed.round().clip(0, 255).astype(np.uint8), MPP)
    assert audit.counts["invented"] == audit.counts["lost"] == 0
    assert len(audit.kinds) <= 0.05 * audit.nuclei[0]


def test_a_mild_blur_is_clean() -> None:
    from scipy import ndimage

    blurred = ndimage.gaussian_filter(drawn(), (1.2, 1.2, 0))  # 0.3 µm
    audit = audit_pair(drawn(), blurred, MPP)
    assert audit.counts["invented"] == audit.counts["lost"] == audit.counts["outline"] == 0
    assert audit.counts["texture"] <= 0.05 * audit.nuclei[0]


@pytest.mark.parametrize("style", ["home", "away"])
def test_a_pasted_nucleus_is_invented_and_the_other_way_round_lost(style: str) -> None:
    light = drawn("home").sum(axis=-1)
    empty = [
        (y, x)
        for y in range(100, 900, 40)
        for x in range(100, 900, 40)
        if light[y - 60 : y + 60, x - 60 : x + 60].min() > 550
    ]
    y, x = empty[0]
    pasted = paste_nucleus(drawn(style), y, x)
    audit = audit_pair(drawn(), pasted, MPP)
    assert found(audit, y, x) == {"invented"}
    assert audit.counts["invented"] == 1
    assert audit.severities[audit.kinds == 0][0] > 0.8
    assert "1 invented" in audit.verdict
    assert "look at each" in audit.verdict
    back = audit_pair(pasted, drawn(style), MPP)
    assert found(back, y, x) == {"lost"}
    row, column = int(y * MPP / 8), int(x * MPP / 8)
    assert audit.disagreement[row, column] > 0.3


@pytest.mark.parametrize("style", ["home", "away"])
def test_an_erased_nucleus_is_lost(style: str) -> None:
    y, x, mask = free_cell()
    erased = erase_nucleus(drawn(style), mask, mask, MPP)
    audit = audit_pair(drawn(), erased, MPP)
    assert found(audit, y, x) == {"lost"}
    assert audit.counts["lost"] == 1
    assert audit.counts["invented"] == 0


@pytest.mark.parametrize("style", ["home", "away"])
def test_a_smoothed_chromatin_is_found(style: str) -> None:
    y, x, mask = free_cell()
    audit = audit_pair(drawn(), smooth_chromatin(drawn(style), mask, MPP), MPP)
    assert "texture" in found(audit, y, x)
    assert found(audit, y, x) <= {"texture", "outline"}


@pytest.mark.parametrize(("style", "factor"), [("home", 0.75), ("away", 0.75), ("home", 1.3)])
def test_an_outline_that_moved_is_found(style: str, factor: float) -> None:
    y, x, mask = free_cell()
    audit = audit_pair(drawn(), scale_nucleus(drawn(style), mask, factor), MPP)
    assert "outline" in found(audit, y, x)
    assert audit.counts["invented"] == audit.counts["lost"] == 0
    at = np.argmin(np.abs(audit.compared.points - (x, y)).sum(axis=1))
    moved = abs(1 - factor) * np.sqrt(mask.sum() / np.pi) * MPP
    assert audit.compared.distance[at] == pytest.approx(moved, rel=0.6)


def test_only_what_lies_in_the_core_counts() -> None:
    halves = [audit_pair(drawn(), drawn("away"), MPP, core=core) for core in ((0, 0, 512, 1024), (512, 0, 1024, 1024))]
    whole = audit_pair(drawn(), drawn("away"), MPP)
    assert halves[0].nuclei[0] + halves[1].nuclei[0] == whole.nuclei[0]
    assert len(halves[0].compared.points) + len(halves[1].compared.points) == len(whole.compared.points)
    assert np.hstack([half.disagreement for half in halves]).shape == whole.disagreement.shape


def test_glass_alone_says_so() -> None:
    glass = np.full((256, 256, 3), 240, np.uint8)
    audit = audit_pair(glass, glass, MPP)
    assert audit.nuclei == (0, 0)
    assert "No nuclei" in audit.verdict
    assert audit.disagreement.max() == 0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        audit_pair(drawn(), drawn()[:-1], MPP)
    with pytest.raises(ValueError, match="µm/px"):
        audit_pair(drawn(), drawn(), 2.0)
