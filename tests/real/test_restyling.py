"""The restyler that ships, on a field of the second scanner that it has never seen."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cytoshift import stain
from cytoshift.engine import DerivedSlide, ImageOperator
from cytoshift.metrics import colour_error, structure_kept
from cytoshift.models import Registry, build_operator
from cytoshift.slides import Slide, open_slide
from cytoshift.stain.restyling.networks import HALO

DATA = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data")) / "cervical"
NAME = "images/299abd9ed2593fa2a0bcd9ba0c73a576.jpg"  # split val

pytestmark = pytest.mark.skipif(not (DATA / "cric-scanner-b" / NAME).exists(), reason=f"{DATA / NAME} is not there")


def field(scanner: str) -> Slide:
    return open_slide(DATA / scanner / NAME).calibrated((0.25, 0.25))


@pytest.fixture(scope="module")
def restyler() -> ImageOperator:
    operator = build_operator(Registry().find("starter", "stain"))
    assert isinstance(operator, ImageOperator)
    return operator


def seen(slide: Slide, operator: ImageOperator) -> np.ndarray:
    derived = DerivedSlide(slide, operator)
    level = derived.levels[0] if not operator.pointwise else derived.levels[1]
    return derived.read(derived.levels.index(level), 0, 0, level.height, level.width)


def test_its_colours_are_nearer_to_the_truth_than_a_white_points(restyler: ImageOperator) -> None:
    home, away = field("cric"), field("cric-scanner-b")
    level = home.levels[1]
    truth, before = (slide.read(1, 0, 0, level.height, level.width) for slide in (home, away))
    restyled, white = seen(away, restyler), seen(away, stain.method("white"))
    assert colour_error(restyled, truth).delta_e < colour_error(white, truth).delta_e
    assert structure_kept(before, restyled).gradient_correlation > 0.9


def test_tiles_and_the_whole_image_agree_at_every_seam(restyler: ImageOperator) -> None:
    slide = field("cric-scanner-b")
    prepared = restyler.prepare(slide)
    tiled = seen(slide, restyler)
    height, width = tiled.shape[:2]
    image = slide.read(1, 0, 0, height, width)
    bottom, right = -height % 64 + HALO, -width % 64 + HALO
    framed = np.pad(image, ((HALO, bottom), (HALO, right), (0, 0)), constant_values=255)
    whole = prepared.apply(framed[None])[0, HALO : HALO + height, HALO : HALO + width]
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    seams = np.abs(np.diff(tiled.astype(int), axis=1)).mean((0, 2))
    assert seams[511] < seams.mean() + 3 * seams.std()
