"""Views of fields: around cells and corrections, and by turns of what is new and what is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cytoshift.detection.learning import DetectorLearning
from cytoshift.detection.recipe import DetectorData, DetectorRecipe, DetectorViews
from cytoshift.detection.train import apart
from cytoshift.detection.views import FieldViews
from cytoshift.training import TrainingSettings
from cytoshift.training.coco import CocoSet, Field

PLACES = np.array([[100, 300, 120, 320], [700, 300, 720, 320]], np.float32)


def field(folder: Path, grey: int, corrected: np.ndarray | None = None) -> Field:
    """Return a field of one grey with two cells far apart."""
    file = folder / f"{grey}.png"
    Image.fromarray(np.full((600, 800, 3), grey, np.uint8)).save(file)
    none = np.zeros((0, 4), np.float32)
    made = Field(file, file.name, 600, 800, 0.5, PLACES, np.zeros(2, np.int64), none)
    return made if corrected is None else replace(made, corrected=corrected)


def of(*fields: Field) -> CocoSet:
    return CocoSet("drawn", ("cell",), fields)


def recipe(corrected: float = 2.0, batch: int = 4) -> DetectorRecipe:
    views = DetectorViews(crop=64, scale_jitter=0, stain_jitter=0, around_cells=1, corrected=corrected)
    settings = TrainingSettings(batch=batch, steps=4, warmup=1)
    return DetectorRecipe(mpp=0.5, data=DetectorData(path="drawn", mpp=0.5), views=views, training=settings)


@pytest.mark.parametrize("corrected", [0.0, 2.0, 6.0])
def test_a_corrected_cell_is_seen_oftener_than_one_that_was_left(tmp_path: Path, corrected: float) -> None:
    views = FieldViews(recipe(corrected), of(field(tmp_path, 200, PLACES[:1])))
    rng = np.random.default_rng(0)
    left = np.mean([views.place(rng)[1].x < 400 for _ in range(2000)])
    assert left == pytest.approx((1 + corrected) / (2 + corrected), abs=0.04)


def test_a_place_where_a_model_saw_a_cell_and_none_is_is_looked_at(tmp_path: Path) -> None:
    nothing = np.array([[390, 60, 410, 80]], np.float32)
    views = FieldViews(recipe(), of(field(tmp_path, 200, nothing)))
    rng = np.random.default_rng(0)
    drawn = [views.draw(rng)[1] for _ in range(40)]
    assert any(not len(target["boxes"]) for target in drawn)
    bare = replace(views.data.fields[0], boxes=PLACES[:0], labels=np.zeros(0, np.int64))
    only = FieldViews(recipe(), of(bare))
    assert all(only.place(rng)[1].y < 200 for _ in range(20))


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_half_of_what_is_learnt_from_is_known(tmp_path: Path, batch: int) -> None:
    new, known = of(field(tmp_path, 250)), of(field(tmp_path, 10))
    learning = DetectorLearning(recipe(batch=batch), new, new, known=known)
    greys = torch.cat([learning.batch(step).images for step in range(4)]).float().mean(dim=(1, 2, 3))
    assert (greys > 100).sum() == (greys < 100).sum()
    alone = DetectorLearning(recipe(batch=batch), new, new)
    assert (alone.batch(1).images.float().mean(dim=(1, 2, 3)) > 100).all()


def test_what_is_known_is_parted_into_repeated_and_chosen_by(tmp_path: Path) -> None:
    fields = tuple(field(tmp_path, grey) for grey in range(5))
    for most, expected in ((1, 1), (9, 2), (0, 0)):
        repeated, chosen_by = apart(of(*fields), most, seed=1)
        assert len(chosen_by.fields) == expected
        assert {each.name for each in (*repeated.fields, *chosen_by.fields)} == {each.name for each in fields}
        assert len(repeated.fields) == 5 - expected
