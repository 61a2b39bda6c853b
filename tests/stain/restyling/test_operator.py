"""A restyler over a slide: no seam, the same bytes wherever a tile was computed, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from same_bytes import ArraySlide, assert_same_image, noise

from cytoshift.engine import DerivedSlide
from cytoshift.errors import ModelError
from cytoshift.stain import StainError
from cytoshift.stain.restyling.networks import HALO, Generator
from cytoshift.stain.restyling.operator import Restyler, restyle
from cytoshift.stain.restyling.recipe import RestylerArchitecture
from cytoshift.stain.restyling.removal import StainRemoval

WIDTHS = (4, 4, 6, 6, 8, 8)


def restyler(*, tile: int = 128, white: bool = True) -> Restyler:
    torch.manual_seed(0)
    plan = RestylerArchitecture(widths=WIDTHS, tile=tile, removal=StainRemoval(white=white, guard=0.02))
    network = Generator(2, WIDTHS)
    for name, values in network.state_dict().items():  # statistics as after a training, and every pixel to count
        if name.endswith("running_mean"):
            values.normal_(0, 0.1)
        elif name.endswith("0.weight"):
            values.normal_(0, 0.2)
    return Restyler.from_model(
        architecture=plan.model_dump(mode="json"),
        state=network.state_dict(),
        mpp=0.5,
        title="Restyled",
        model_id="small",
        version="0",
        device="cpu",
    )


def test_same_bytes(tmp_path: Path) -> None:
    assert_same_image(ArraySlide(noise(400, 530), mpp=0.5), restyler(), tmp_path)


def test_tile_by_tile_equals_the_whole_image_at_every_seam() -> None:
    image = noise(640, 640, seed=3)
    slide = ArraySlide(image, mpp=0.5)
    operator = restyler().prepare(slide)
    tiled = DerivedSlide(slide, operator).read(0, 0, 0, 640, 640)
    framed = np.pad(image, ((HALO, HALO), (HALO, HALO), (0, 0)), constant_values=255)
    whole = operator.apply(framed[None])[0, HALO:-HALO, HALO:-HALO]
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert len(np.unique(tiled)) > 20  # it shows something


def test_white_is_measured_once_per_slide_and_is_part_of_the_key() -> None:
    grey = ArraySlide(np.full((300, 300, 3), 180, np.uint8), mpp=0.5, name="grey")
    operator = restyler()
    with pytest.raises(ValueError, match="prepare"):
        operator.apply(np.zeros((1, 64, 64, 3), np.uint8))
    prepared = operator.prepare(grey)
    assert prepared.prepare(grey) is prepared
    assert "180-180-180" in prepared.key
    assert restyler(white=False).prepare(grey).key != prepared.key


def test_dim_glass_is_restyled_as_bright_glass_is() -> None:
    plan = restyler()._architecture
    network = restyler()._network
    cells = noise(128, 128) // 2 + 100
    dim = (cells * 0.6).astype(np.uint8)
    bright, dark = (restyle(network, plan, image[None], (w,) * 3) for image, w in ((cells, 1.0), (dim, 0.6)))
    assert np.abs(bright.astype(int) - dark).mean() < 3


def test_what_it_refuses() -> None:
    dark = ArraySlide(noise(300, 300), mpp=0.5, brightfield=False)
    with pytest.raises(StainError, match="not a brightfield slide"):
        restyler().prepare(dark)
    with pytest.raises(ModelError, match="do not fit its card"):
        Restyler.from_model(
            architecture={"widths": WIDTHS}, state={}, mpp=0.5, title="", model_id="broken", version="", device="cpu"
        )
    with pytest.raises(ModelError, match="has no mpp"):
        Restyler.from_model(architecture={}, state={}, mpp=None, title="", model_id="broken", version="")
