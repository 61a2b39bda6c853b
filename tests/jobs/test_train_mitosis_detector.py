"""A detector of mitoses is taught from a table of patches, and then from what it took for mitoses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from drawn_patches import write_table
from PIL import Image

from cytoshift.detection import DetectorRecipe
from cytoshift.detection.train import hold_back
from cytoshift.errors import DataError
from cytoshift.jobs.train_detector import LOOK_ALIKES, detector_card, placed_detector
from cytoshift.mitosis import read_patches
from cytoshift.mitosis.mosaics import mosaic_fields
from cytoshift.models import save_model


class Go:
    """Never stops."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        return "run"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return patches of two slides: a dark spot in the middle, and a paler one in a corner."""
    folder = tmp_path_factory.mktemp("patches")
    random = np.random.default_rng(0)
    rows = []
    for slide in range(2):
        for k in range(2):
            pixels = random.integers(190, 240, (128, 128, 3), np.uint8)
            pixels[56:72, 56:72] = (60, 30, 110)
            pixels[22:34, 94:106] = (120, 90, 150)
            Image.fromarray(pixels).save(folder / f"{slide}-{k}.png")
            rows.append({"file_name": f"{slide}-{k}.png", "slide": f"s{slide}", "label": k, "split": "train"})
    return write_table(folder / "labels.csv", rows).parent


def recipe(table: Path, **data: Any) -> DetectorRecipe:
    return DetectorRecipe.model_validate(
        {
            "id": "mitoses",
            "mpp": 0.5,
            "data": {"path": str(table), "point_um": 12.5, "holdout": 0.3} | data,
            "architecture": {"channels": 32, "levels": [2], "anchors": [[20, 25, 32]], "tile": 320, "halo": 32}
            | {"merge_um": 6.25},
            "views": {"crop": 96},
            "training": {"steps": 3, "batch": 1, "warmup": 1, "validate_every": 3, "device": "cpu"},
        }
    )


def test_patches_become_mosaics_and_mistakes_look_alikes(table: Path, tmp_path: Path) -> None:
    first = placed_detector(recipe(table))
    card, state, _ = detector_card(first, tmp_path / "one", emit=lambda _: None, control=Go())
    assert card.classes == ("mitosis", "look-alike")
    assert card.architecture["merge_um"] == 6.25
    assert card.trained_on[0].images == 1
    taught = card.trained_on[0].cells
    assert taught > 5
    model = save_model(tmp_path / "model", card.model_copy(update={"threshold": 0.0, "thresholds": {}}), state)
    notes: list[str] = []
    second = placed_detector(recipe(table, look_alikes=str(model.folder)))
    card, _, _ = detector_card(
        second, tmp_path / "two", emit=lambda event: notes.append(event.get("text", "")), control=Go()
    )
    assert card.recipe["data"]["look_alikes"] == "model"
    added = next(int(note.split()[0]) for note in notes if "look-alikes in 2 fields" in note)
    assert added > 0, "a detector that was hardly taught calls many places a mitosis"
    assert sum(each.cells for each in card.trained_on) > taught
    assert (tmp_path / "two" / LOOK_ALIKES / "records.bin").stat().st_size > 0


def test_mitoses_are_set_into_tissue_and_the_card_names_it(table: Path, tmp_path: Path) -> None:
    tissue = tmp_path / "healthy"
    tissue.mkdir()
    random = np.random.default_rng(1)
    for name in ("a", "b"):
        Image.fromarray(random.integers(150, 200, (300, 320, 3), np.uint8)).save(tissue / f"{name}.png")
    alone, _, _ = detector_card(recipe(table), tmp_path / "one", emit=lambda _: None, control=Go())
    placed = placed_detector(recipe(table, tissue=str(tissue)))
    card, _, _ = detector_card(placed, tmp_path / "two", emit=lambda _: None, control=Go())
    assert card.recipe["data"]["tissue"] == "healthy"
    learnt, ground = card.trained_on
    assert learnt.images > alone.trained_on[0].images
    assert (ground.name, ground.images, ground.cells) == ("healthy", 2, 0)


def test_tissue_goes_with_patches_alone(tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    image = {"id": 1, "file_name": "a.png", "width": 64, "height": 64, "split": "train"}
    coco = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "mitosis"}]}
    (fields / "annotations.json").write_text(json.dumps(coco))
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(fields / "a.png")
    with pytest.raises(DataError, match=r"a table of patches are set into, and .* is no table; leave it out"):
        placed_detector(recipe(fields, tissue=str(fields)))


def test_mosaics_of_a_slide_are_held_back_together(table: Path, tmp_path: Path) -> None:
    fields = mosaic_fields(read_patches(table), tmp_path / "mosaics", mpp=0.25)
    kept, held = hold_back(recipe(table), replace(fields, fields=fields.fields * 3))
    assert len(held.fields) == 3
    assert len(kept.fields) == 3
    assert not {field.slide for field in kept.fields} & {field.slide for field in held.fields}
