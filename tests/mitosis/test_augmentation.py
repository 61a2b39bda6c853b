"""Views of a patch: where they lie, that they are seeded, and that nothing black creeps in."""

from __future__ import annotations

import numpy as np
import pytest

from cytoshift.mitosis.augmentation import middle, vary
from cytoshift.mitosis.recipe import MitosisViews

STILL = MitosisViews(
    view=64, side=64, zoom=0, shift=0, perspective=0, colour=0, stain=0, artefacts=0, erased=0, balance=0
)


def patch(side: int = 128) -> np.ndarray:
    """Return a patch with a dark spot in its middle, off centre by 20 px to the right for orientation."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    pixels = np.full((side, side, 3), (230, 180, 210), np.uint8)
    pixels[x**2 + y**2 < 100] = (90, 40, 120)
    pixels[(x - 20) ** 2 + y**2 < 16] = (20, 160, 40)
    return pixels


def test_the_middle_is_exact_where_nothing_is_resized() -> None:
    assert np.array_equal(middle(patch(), 64, 64), patch()[32:96, 32:96])
    assert middle(patch(), 128, 64).shape == (64, 64, 3)
    assert middle(patch(48), 64, 64).shape == (64, 64, 3)
    assert (middle(patch(48), 64, 64)[0, 0] > 150).all()


def test_views_are_turned_copies_with_the_mitosis_in_the_middle() -> None:
    for seed in range(20):
        view = vary(np.random.default_rng(seed), patch(), STILL)
        assert view.shape == (64, 64, 3)
        assert view[32, 32, 1] < 70
        green = np.argwhere((view[..., 1].astype(int) - view[..., 0]) > 60)
        assert np.hypot(*(green.mean(axis=0) - 31.5)) == pytest.approx(20, abs=1.5)


def test_both_hands_occur() -> None:
    asymmetric = patch()
    asymmetric[44:52, 60:68] = (200, 30, 30)
    signs = set()
    for seed in range(30):
        view = vary(np.random.default_rng(seed), asymmetric, STILL).astype(int)
        green = np.argwhere(view[..., 1] - view[..., 0] > 60).mean(axis=0) - 31.5
        red = np.argwhere(view[..., 0] - view[..., 1] > 90).mean(axis=0) - 31.5
        signs.add(np.sign(green[0] * red[1] - green[1] * red[0]))
    assert signs == {-1.0, 1.0}


def test_a_view_is_a_matter_of_its_seed() -> None:
    views = MitosisViews(view=96, side=64, artefacts=0.5, erased=1)
    first, again, other = (vary(np.random.default_rng(seed), patch(), views) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_beyond_the_patch_it_is_mirrored_not_black() -> None:
    views = STILL.model_copy(update={"view": 128, "side": 96, "zoom": 0.3, "shift": 10.0, "perspective": 0.1})
    for seed in range(20):
        view = vary(np.random.default_rng(seed), patch(), views)
        assert (view.sum(axis=2) > 150).all()
