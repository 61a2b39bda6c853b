"""The seam ratio: 1 where borders look like any other place, more where tiles do not fit together."""

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from cytoshift.metrics import Seams, luminance, seam_ratio


def smooth_noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    smooth = ndimage.gaussian_filter(noise, (2, 2, 0))
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def with_steps(image: np.ndarray, tile: int, step: int) -> np.ndarray:
    """Add a step to every second tile of a chessboard."""
    y, x = (np.arange(side) // tile for side in image.shape[:2])
    return np.clip(image + step * ((y[:, None] + x) % 2)[..., None], 0, 255).astype(np.uint8)


def test_it_is_the_definition_pair_by_pair() -> None:
    image, tile, (oy, ox) = smooth_noise(87, 59), 24, (3, 5)  # 24 shares 8 px with JPEG's blocks
    luma = luminance(image)
    across: dict[str, list[float]] = {"y": [], "x": []}
    elsewhere: dict[str, list[float]] = {"y": [], "x": []}
    for y in range(87):
        for x in range(59):
            if y + 1 < 87 and (oy + y + 1) % 8 == 0:
                (across if (oy + y + 1) % tile == 0 else elsewhere)["y"].append(abs(luma[y + 1, x] - luma[y, x]))
            if x + 1 < 59 and (ox + x + 1) % 8 == 0:
                (across if (ox + x + 1) % tile == 0 else elsewhere)["x"].append(abs(luma[y, x + 1] - luma[y, x]))
    wanted = sum(map(sum, across.values())) / sum(len(across[a]) * np.mean(elsewhere[a]) for a in "yx")
    assert seam_ratio(image, tile, (oy, ox)) == pytest.approx(wanted, rel=1e-5)


def test_smooth_noise_has_no_seam_and_steps_have() -> None:
    image = smooth_noise(700, 600)
    plain = seam_ratio(image, 64)
    assert plain == pytest.approx(1, abs=0.04)
    ratios = [seam_ratio(with_steps(image, 64, step), 64) for step in (4, 12, 30)]
    assert plain + 0.02 < ratios[0] < ratios[1] < ratios[2]
    assert seam_ratio(with_steps(image, 64, 30), 50) < 1.02  # looked for in the wrong place


def test_more_structure_along_one_axis_is_no_seam() -> None:
    stripes = np.random.default_rng(0).integers(0, 255, (400, 1, 1), np.uint8)
    image = np.clip(np.repeat(np.repeat(stripes, 40, 1), 3, 2) * 0.8 + smooth_noise(400, 40) * 0.2, 0, 255)
    assert seam_ratio(image.astype(np.uint8), 20) == pytest.approx(1, abs=0.25)


def test_the_blocks_of_jpeg_are_no_seams() -> None:
    file = io.BytesIO()
    Image.fromarray(smooth_noise(768, 768)).save(file, "JPEG", quality=30)
    image = np.asarray(Image.open(file))
    steps = np.abs(np.diff(luminance(image), axis=0)).mean(axis=1)
    assert steps[7::8].mean() > 1.2 * steps.mean()
    assert seam_ratio(image, 256) == pytest.approx(1, abs=0.06)
    assert seam_ratio(with_steps(image, 256, 30), 256) > 2


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(20, 300), st.integers(20, 60)),
    st.integers(2, 16),
    st.tuples(st.integers(0, 50), st.integers(0, 50)),
    st.integers(0, 5),
)
def test_invariants(shape: tuple[int, int], tile: int, origin: tuple[int, int], seed: int) -> None:
    image = smooth_noise(*shape, seed)
    ratio = seam_ratio(image, tile, origin)
    shifted = (origin[0] + 3 * tile, origin[1] + tile)
    assert seam_ratio(image, tile, shifted) == ratio
    assert seam_ratio(255 - image, tile, origin) == pytest.approx(ratio, rel=1e-4)
    turned = seam_ratio(image.transpose(1, 0, 2), tile, (origin[1], origin[0]))
    assert turned == pytest.approx(ratio, rel=1e-4)
    middle = shape[0] // 2
    upper, lower = image[: middle + 1], image[middle:]  # share a row, so that no step along y is lost
    shared = Seams.of(image[middle : middle + 1], tile, (origin[0] + middle, origin[1]))
    parts = Seams.of(upper, tile, origin) + Seams.of(lower, tile, (origin[0] + middle, origin[1]))
    whole = Seams.of(image, tile, origin) + shared
    assert parts.borders == whole.borders
    assert parts.ratio == pytest.approx(whole.ratio, rel=1e-4)


def test_what_has_no_border_and_what_is_flat() -> None:
    flat = np.full((40, 40, 3), 200, np.uint8)
    assert seam_ratio(flat, 16) == 1
    assert seam_ratio(with_steps(flat, 16, 9), 16) == math.inf
    with pytest.raises(ValueError, match="no tile border"):
        seam_ratio(flat, 64)
    with pytest.raises(ValueError, match="no inside"):
        seam_ratio(flat, 1)
