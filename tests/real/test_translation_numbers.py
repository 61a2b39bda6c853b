"""The numbers translations are judged by, on fields whose order is known: two scanners, and what may go wrong."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from cytoshift.metrics import Seams
from cytoshift.models import Registry, build_operator
from cytoshift.slides.pyramid import halve
from cytoshift.training.coco import read_coco
from cytoshift.translation.evaluate import evaluate
from cytoshift.translation.features import FeatureNetwork, TileDescriber, trunk_features
from cytoshift.translation.likeness import TargetLook

DATA = Path(os.environ.get("CYTOSHIFT_DATA", "../shared/data")) / "cervical"

pytestmark = pytest.mark.skipif(
    not (DATA / "cric-scanner-b").exists(), reason=f"{DATA / 'cric-scanner-b'} is not there"
)


def fields(scanner: str, split: str, half: str, count: int) -> list[np.ndarray]:
    """Return fields at 0.5 µm/px."""
    return [halve(field.read()) for field in read_coco(DATA / scanner, split, half).fields[:count]]


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    operator = build_operator(Registry().find("starter", "detector"))
    assert isinstance(operator, TileDescriber)
    return trunk_features(operator)


@pytest.fixture(scope="module")
def target(network: FeatureNetwork) -> TargetLook:
    return TargetLook.of(fields("cric-scanner-b", "train", "b", 14), network, mpp=0.5, crop=128)


def test_every_number_tells_the_scanners_apart(target: TargetLook) -> None:
    source, true = (fields(scanner, "val", "a", 4) for scanner in ("cric", "cric-scanner-b"))
    score = evaluate(true, target, source_images=source, truth=true)
    seen, before = score.seen, score.original
    assert before is not None
    assert seen.fid < before.fid / 10
    assert seen.kid100 < before.kid100 / 10
    assert seen.bhattacharyya < before.bhattacharyya / 2
    for name in ("niqe", "delta_e"):
        assert getattr(seen, name) < getattr(before, name) / 1.5, name
    for name in ("hist", "hist_tissue"):
        assert getattr(seen, name) > getattr(before, name) + 0.1, name
    assert score.structure is not None
    assert score.structure.gradient_correlation > 0.5
    assert not score.leads_away


def test_a_blurred_translation_has_the_colours_and_not_the_texture(target: TargetLook) -> None:
    true = fields("cric-scanner-b", "val", "a", 4)
    blurred = [ndimage.gaussian_filter(image, (1.2, 1.2, 0)) for image in true]
    sharp, soft = (evaluate(images, target).seen for images in (true, blurred))
    assert sharp.niqe is not None
    assert soft.niqe is not None
    assert soft.niqe > 1.5 * sharp.niqe
    assert soft.hist == pytest.approx(sharp.hist, abs=0.05)


def test_jpeg_fields_show_no_seam_until_tiles_differ() -> None:
    true = fields("cric-scanner-b", "val", "a", 4)
    stepped = [image.copy() for image in true]
    for image in stepped:
        image[:, 256:512] = np.clip(image[:, 256:512].astype(int) + 6, 0, 255)
    plain, seen = (sum((Seams.of(image, 256) for image in images), Seams()).ratio for images in (true, stepped))
    assert plain == pytest.approx(1, abs=0.15)
    assert seen > plain + 0.2
