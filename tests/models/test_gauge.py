"""How far from home: drawn fields of one domain, and the same cells in other colours."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cytoshift.detection import Architecture, DetectorOperator, build_network
from cytoshift.engine import ImageOperator
from cytoshift.errors import DataError, ModelError, SlideError
from cytoshift.models import Registry, gauge
from cytoshift.models.domain import Domain
from cytoshift.slides import Slide, open_slide
from cytoshift.stain import StainError
from cytoshift.stain.reference import Reference
from cytoshift.training.coco import read_coco

FIELDS = 10


def paint(seed: int, side: int = 300) -> np.ndarray:
    """Return a bright field with dark round cells in purple and pink."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(228, 236, (side, side, 3))
    yy, xx = np.mgrid[:side, :side]
    for k in range(30):
        x, y = rng.integers(15, side - 15, 2)
        disc = (xx - x) ** 2 + (yy - y) ** 2 < rng.integers(8, 16) ** 2
        colour = (100, 70, 140) if k % 3 == 0 else (200, 130, 160)
        pixels[disc] = rng.normal(colour, 8, (int(disc.sum()), 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


class Dim(ImageOperator):
    """A dim, bluish lamp, or its undoing."""

    gain = np.array([0.5, 0.55, 0.7])

    def __init__(self, *, undo: bool = False, pointwise: bool = True) -> None:
        self._by = 1 / self.gain if undo else self.gain
        self._pointwise = pointwise

    @property
    def key(self) -> str:
        return f"dim {self._by[0]:.3f} {self._pointwise}"

    title = key

    @property
    def pointwise(self) -> bool:
        return self._pointwise

    def apply(self, tiles: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(tiles * self._by), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Return a COCO folder of drawn fields."""
    folder = tmp_path_factory.mktemp("home")
    images = []
    for number in range(FIELDS):
        Image.fromarray(paint(number)).save(folder / f"{number}.png")
        split = "few" if number < 3 else "rest"
        images.append({"id": number, "file_name": f"{number}.png", "width": 300, "height": 300, "split": split})
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return folder


@pytest.fixture(scope="module")
def detector() -> DetectorOperator:
    torch.manual_seed(0)
    plan = Architecture(channels=32, tile=128, halo=32)
    network = build_network(plan, 1)
    return DetectorOperator(network, plan, classes=("cell",), mpp=0.5, model_id="it", version="1", device="cpu")


@pytest.fixture(scope="module")
def domain(home: Path, detector: DetectorOperator) -> Domain:
    return gauge.measure_domain(gauge.coco_slides(read_coco(home), 0.5), name="drawn", operator=detector)


def slide(folder: Path, pixels: np.ndarray, mpp: float | None = 0.5) -> Slide:
    path = folder / "slide.png"
    Image.fromarray(pixels).save(path)
    opened = open_slide(path)
    return opened if mpp is None else opened.calibrated((mpp, mpp))


def test_a_field_of_the_domain_is_at_home_and_a_dim_one_far(domain, detector, tmp_path) -> None:
    there = slide(tmp_path, paint(99))
    near = gauge.distance(domain, there, operator=detector)
    far = gauge.distance(domain, there, operator=detector, through=Dim())
    assert near.look is not None
    assert far.look is not None
    assert near.colour < 2 * domain.colour.usual[1] < far.colour
    assert near.look < 2 * domain.look.usual[1] < far.look
    assert (near.usual_colour, near.usual_look) == (domain.colour.usual, domain.look.usual)


@pytest.mark.parametrize("pointwise", [True, False])
def test_normalization_brings_a_dim_slide_home(domain, detector, tmp_path, pointwise) -> None:
    there = slide(tmp_path, Dim().apply(paint(99)))
    before = gauge.distance(domain, there, operator=detector)
    after = gauge.distance(domain, there, operator=detector, through=Dim(undo=True, pointwise=pointwise))
    assert after.colour < before.colour / 3
    assert after.look < before.look / 2
    assert after == gauge.distance(domain, there, operator=detector, through=Dim(undo=True, pointwise=pointwise))


def test_what_is_in_view_is_measured_and_nothing_else(domain, tmp_path) -> None:
    half = np.concatenate([paint(1), Dim().apply(paint(2))], axis=1)
    there = slide(tmp_path, half)
    left = gauge.distance(domain, there, box=(0, 0, 256, 256))
    right = gauge.distance(domain, there, box=(320, 20, 580, 290))
    tiny = gauge.distance(domain, there, box=(120, 120, 130, 125))  # widened to one tile
    assert left.colour < tiny.colour * 2 < right.colour
    assert left.look is None
    assert left.usual_look is None


def test_few_fields_are_measured_tile_by_tile(home, detector) -> None:
    few = gauge.measure_domain(gauge.coco_slides(read_coco(home, "few"), 0.5), name="few", operator=detector)
    assert few.fields == 3
    assert few.look is not None
    assert few.colour.usual[0] < 1 < few.colour.usual[1]


def test_the_domain_carries_a_reference_and_is_small(domain, detector) -> None:
    reference = Reference.from_json(domain.reference)
    assert reference.name == "drawn"
    np.testing.assert_allclose(reference.white, 232, atol=3)
    assert len(domain.model_dump_json()) < 40_000
    assert Domain.model_validate_json(domain.model_dump_json()) == domain
    np.testing.assert_allclose(np.sum(domain.rgb, axis=1), 1, rtol=1e-3)
    assert sum(domain.hue) == pytest.approx(1, rel=1e-3)
    assert len(domain.look.centre) == detector.describe(np.zeros((1, 64, 64, 3), np.uint8)).shape[1]


def test_the_model_of_another_domain_is_refused(domain, tmp_path) -> None:
    class Other(DetectorOperator):
        def describe(self, tiles):
            return np.zeros((len(tiles), 6))

    plan = Architecture(channels=32, tile=128, halo=32)
    other = Other(build_network(plan, 1), plan, classes=("cell",), mpp=0.5, model_id="o", version="", device="cpu")
    with pytest.raises(ModelError, match="another network"):
        gauge.distance(domain, slide(tmp_path, paint(1)), operator=other)


def test_what_cannot_be_judged_is_said(domain, tmp_path) -> None:
    glass = np.full((300, 300, 3), 230, np.uint8)
    with pytest.raises(StainError, match="too little tissue"):
        gauge.distance(domain, slide(tmp_path, glass))
    with pytest.raises(DataError, match="too little tissue"):
        gauge.measure_domain([slide(tmp_path, glass)], name="glass")
    with pytest.raises(SlideError, match="how large a pixel"):
        gauge.distance(domain, slide(tmp_path, paint(1), mpp=None))


def test_the_detector_that_ships_knows_its_home() -> None:
    card = Registry().find("starter", "detector").card
    assert card.domain is not None
    assert card.domain.look is not None
    assert card.domain.fields == card.trained_on[0].images + 11  # those held back from training, too
    assert Reference.from_json(card.domain.reference).name == card.trained_on[0].name
