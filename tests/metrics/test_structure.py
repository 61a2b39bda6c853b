"""Structure preservation, against a direct formula, another implementation and changes whose effect is known."""

import numpy as np
import pytest

from cytoshift.metrics import gradient_correlation, luminance, ssim, structure_kept


@pytest.fixture
def picture() -> np.ndarray:
    """Return a gray picture ``(40, 32)`` with structure at several scales."""
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.uniform(60, 200, (5, 4)), np.ones((8, 8)))
    return coarse + rng.normal(0, 8, coarse.shape)


def test_ssim_is_the_formula_window_by_window(picture: np.ndarray) -> None:
    other = picture * 0.8 + np.random.default_rng(1).normal(0, 5, picture.shape)
    at = np.arange(-5, 6)
    window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(5, 35):
        for x in range(5, 27):
            a, b = (image[y - 5 : y + 6, x - 5 : x + 6] for image in (picture, other))
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            shared = (window * (a - ma) * (b - mb)).sum()
            values.append((2 * ma * mb + c1) * (2 * shared + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert ssim(picture, other) == pytest.approx(np.mean(values), abs=1e-10)


def test_ssim_agrees_with_scikit_image(picture: np.ndarray) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    other = np.clip(picture + np.random.default_rng(1).normal(0, 20, picture.shape), 0, 255)
    wanted = metrics.structural_similarity(
        picture, other, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    assert ssim(picture, other) == pytest.approx(wanted, abs=1e-10)


def test_gradients_do_not_mind_contrast_but_structure(picture: np.ndarray) -> None:
    assert gradient_correlation(picture, 255 - 0.5 * picture) == pytest.approx(1)
    assert gradient_correlation(picture, np.roll(picture, 4, axis=0)) < 0.7
    assert ssim(picture, 255 - 0.5 * picture) < 0.2


def test_gradient_correlation_is_that_of_the_magnitudes(picture: np.ndarray) -> None:
    other = picture + np.random.default_rng(1).normal(0, 10, picture.shape)
    magnitudes = []
    for image in (picture, other):
        padded = np.pad(image, 1, mode="edge")
        right, left, down, up = padded[:, 2:], padded[:, :-2], padded[2:], padded[:-2]
        gx = (right - left)[:-2] + 2 * (right - left)[1:-1] + (right - left)[2:]
        gy = (down - up)[:, :-2] + 2 * (down - up)[:, 1:-1] + (down - up)[:, 2:]
        magnitudes.append(np.hypot(gx, gy).ravel())
    assert gradient_correlation(picture, other) == pytest.approx(np.corrcoef(*magnitudes)[0, 1], abs=1e-12)


def test_flat_images_and_what_cannot_be_compared() -> None:
    flat = np.full((16, 16), 9.0)
    assert gradient_correlation(flat, flat + 5) == 1
    assert gradient_correlation(flat, flat + np.eye(16)) == 0
    assert ssim(flat, flat) == pytest.approx(1)
    with pytest.raises(ValueError, match="too small"):
        ssim(flat[:10], flat[:10])
    with pytest.raises(ValueError, match="cannot be compared"):
        structure_kept(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 17, 3), np.uint8))


def test_recoloured_pictures_keep_their_structure() -> None:
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(40, 200, (6, 6, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    np.testing.assert_allclose(luminance(image)[0, 0], image[0, 0] @ [0.299, 0.587, 0.114])
    same = structure_kept(image, image)
    assert (same.gradient_correlation, same.ssim) == (pytest.approx(1), pytest.approx(1))
    paler = structure_kept(image, 255 - (255 - image) // 2)
    assert paler.gradient_correlation > 0.99
    assert paler.ssim < 0.95
