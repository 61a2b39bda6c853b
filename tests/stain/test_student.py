"""The colour map that stands in for a network: how near it comes, what it costs, what it never does."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same_bytes import ArraySlide, noise
from scipy import ndimage

from cytoshift.engine import DerivedSlide, ImageOperator, Needs, PreviewSlide
from cytoshift.errors import SlideError
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.slides.slide import RGB
from cytoshift.stain.restyling.lattice import apply_lattice, fit_lattice, pack
from cytoshift.stain.restyling.student import WINDOWS, fit_student


class Restain(ImageOperator):
    """Other colours and a little blur: a network's manners without a network."""

    def __init__(self, mpp: float | None = 0.5, *, blur: float = 0.6) -> None:
        self._mpp, self._blur = mpp, blur
        self.windows: list[RGB] = []

    @property
    def key(self) -> str:
        return f"restain-{self._blur}"

    @property
    def title(self) -> str:
        return "Restain"

    @property
    def needs(self) -> Needs:
        return Needs(mpp=self._mpp, tile=256, halo=64, alignment=64, batch=2)

    def apply(self, tiles: RGB) -> RGB:
        self.windows.extend(tiles)
        smooth = ndimage.gaussian_filter(tiles.astype(np.float64), (0, self._blur, self._blur, 0))
        return recolour(smooth).round().astype(np.uint8)


def recolour(colours: np.ndarray) -> np.ndarray:
    """Bend and mix the channels."""
    red, green, blue = np.moveaxis(np.asarray(colours, np.float64) / 255, -1, 0)
    mixed = np.stack([0.9 * red**0.8 + 0.1 * blue, green**1.2, 0.8 * blue + 0.15 * red + 0.05], axis=-1)
    return np.clip(255 * mixed, 0, 255)


@pytest.fixture(scope="module")
def smear() -> ArraySlide:
    """Return a drawn smear with three levels at 0.25 µm/px."""
    return ArraySlide(render_tile(Scene(3), 0, 0, 1536, 2048, "away"), mpp=0.25, levels=3, name="smear")


def test_the_student_comes_close_to_its_teacher_where_it_was_not_fitted(smear: ArraySlide) -> None:
    teacher = Restain()
    student = fit_student(teacher, smear)
    exact = DerivedSlide(smear, teacher).read(0, 0, 0, 768, 1024).astype(int)
    preview = PreviewSlide(DerivedSlide(smear, teacher), student).read(0, 0, 0, 768, 1024).astype(int)
    original = smear.read(1, 0, 0, 768, 1024).astype(int)
    off = np.abs(preview - exact).mean()
    assert off < 2.0
    assert 4 * off < np.abs(original - exact).mean()
    assert student.error == pytest.approx(off, abs=1.0)
    assert student.error > 0
    assert (student.needs.mpp, student.pointwise, student.needs.halo) == (0.5, True, 0)


def test_the_same_slide_and_view_give_the_same_student(smear: ArraySlide) -> None:
    one, two = (fit_student(Restain(), smear, box=(0, 0, 900, 700)) for _ in range(2))
    assert one.key == two.key
    assert one.key.startswith("restain-0.6|student-")
    assert fit_student(Restain(blur=2.0), smear).key != one.key
    tiles = noise(40, 40)[None]
    assert np.array_equal(pickle.loads(pickle.dumps(one)).apply(tiles), one.apply(tiles))


def test_the_teacher_looks_at_the_view_first_and_at_few_windows(smear: ArraySlide) -> None:
    teacher = Restain()
    fit_student(teacher, smear, box=(1024, 512, 2048, 1536))
    corners = [(y, x) for window in teacher.windows for y, x in _found(smear.read(1, 0, 0, 768, 1024), window)]
    assert 1 < len(corners) == len(set(corners)) <= WINDOWS
    assert all(y >= 256 and x >= 512 for y, x in corners[:2])


def _found(image: RGB, window: RGB) -> list[tuple[int, int]]:
    places = [(y, x) for y in range(0, image.shape[0], 256) for x in range(0, image.shape[1], 256)]
    return [(y, x) for y, x in places if np.array_equal(image[y : y + 256, x : x + 256], window)]


def test_the_teacher_never_looks_beyond_the_border_of_a_slide() -> None:
    field = ArraySlide(noise(600, 700) // 2, mpp=0.5, levels=1)  # darker than what is beyond
    teacher = Restain()
    fit_student(teacher, field, box=(300, 200, 700, 600))
    assert len(teacher.windows) > 1
    assert max(int(window.max()) for window in teacher.windows) < 255


def test_a_slide_without_tissue_or_smaller_than_a_window_still_has_a_student() -> None:
    blank = ArraySlide(np.full((600, 700, 3), 240, np.uint8), mpp=0.5)
    assert fit_student(Restain(), blank).error < 1
    small = ArraySlide(render_tile(Scene(3), 0, 0, 100, 90), mpp=0.5)
    assert np.isfinite(fit_student(Restain(), small, box=(-50, -50, 5000, 5000)).error)


def test_an_uncalibrated_slide_is_refused() -> None:
    with pytest.raises(SlideError, match="µm/px"):
        fit_student(Restain(), ArraySlide(noise(300, 300)))


def test_colours_that_never_occurred_follow_those_that_did() -> None:
    rng = np.random.default_rng(0)
    seen = (rng.normal((180, 120, 170), (25, 30, 20), (20_000, 3))).clip(0, 255).astype(np.uint8)
    lattice = fit_lattice(seen, recolour(seen).round().astype(np.uint8))
    assert lattice.min() >= 0
    assert lattice.max() < 255.5
    unseen = rng.integers(0, 256, (20_000, 3), dtype=np.uint8)
    off = np.abs(apply_lattice(unseen, pack(lattice)) - recolour(unseen)).mean()
    plain = np.abs(unseen - recolour(unseen)).mean()
    assert off < plain


def test_grey_pixels_alone_leave_the_other_colours_sane() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1).repeat(20, axis=0)
    packed = pack(fit_lattice(grey, 255 - (255 - grey) // 2))
    assert np.abs(apply_lattice(grey, packed).astype(int) - (255 - (255 - grey) // 2)).max() <= 1
    red = apply_lattice(np.array([[255, 0, 0]], np.uint8), packed)[0].astype(int)
    assert red[0] > red[1] + 50
    assert abs(red[1] - red[2]) <= 1


@given(
    colours=st.lists(st.tuples(*(st.integers(0, 255),) * 3), min_size=1, max_size=64),
    weights=st.lists(st.floats(-0.5, 0.9), min_size=9, max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_a_lattice_of_a_linear_map_is_that_map(colours: list[tuple[int, int, int]], weights: list[float]) -> None:
    nodes = np.stack(np.meshgrid(*(np.arange(33) * 8.0,) * 3, indexing="ij"), axis=-1)
    lattice = nodes @ np.reshape(weights, (3, 3)) / 3 + 60
    flat = np.array(colours, np.uint8)
    exact = flat.astype(np.float64) @ np.reshape(weights, (3, 3)) / 3 + 60
    assert np.abs(apply_lattice(flat, pack(np.clip(lattice, 0, 255.49))) - np.clip(exact, 0, 255)).max() <= 1.0


def test_the_identity_keeps_every_colour_and_white_white() -> None:
    nodes = np.stack(np.meshgrid(*(np.arange(33) * 8.0,) * 3, indexing="ij"), axis=-1)
    packed = pack(np.clip(nodes, 0, 255.49))
    colours = np.concatenate([noise(300, 300).reshape(-1, 3), np.array([[255, 255, 255], [0, 0, 0]], np.uint8)])
    assert np.array_equal(apply_lattice(colours, packed), colours)
