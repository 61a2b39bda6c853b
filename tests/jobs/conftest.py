"""A data set of drawn cells and a recipe so small that a training takes seconds."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.detection.recipe import DetectorRecipe
from cytoshift.jobs import TrainSpec


@pytest.fixture(scope="session")
def cells(tmp_path_factory) -> Path:
    """Return a COCO folder: six fields with dark round cells of two classes."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(6):
        pixels = rng.integers(215, 235, (128, 128, 3), np.uint8)
        for cell in range(4):
            x, y = rng.integers(4, 96, 2).tolist()
            side = 18 if cell % 2 else 26
            yy, xx = np.mgrid[:128, :128]
            disc = (xx - x - side / 2) ** 2 + (yy - y - side / 2) ** 2 < (side / 2) ** 2
            pixels[disc] = (90, 60, 120) if cell % 2 else (40, 30, 90)
            annotations.append(
                {"id": len(annotations), "image_id": number, "category_id": cell % 2 + 1, "bbox": [x, y, side, side]}
            )
        name = f"field-{number}.png"
        Image.fromarray(pixels).save(folder / name)
        split = "val" if number == 5 else "train"
        images.append({"id": number, "file_name": name, "width": 128, "height": 128, "mpp": 0.5, "split": split})
    categories = [{"id": 1, "name": "NILM"}, {"id": 2, "name": "HSIL"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="session")
def small(cells) -> Callable[..., TrainSpec]:
    """Return a maker of specifications that train a small detector for a few steps."""

    def make(steps: int = 6, **changes: object) -> TrainSpec:
        recipe = DetectorRecipe(
            id="tiny",
            title="Tiny",
            mpp=0.5,
            data={"path": str(cells), "holdout": 0.2},
            architecture={"channels": 32, "tile": 128, "halo": 32},
            views={"crop": 96},
            training={
                "steps": steps,
                "batch": 2,
                "warmup": 1,
                "validate_every": 3,
                "checkpoint_every": 2,
                "device": "cpu",
                **changes,
            },
        )
        return TrainSpec(name="tiny", title="Tiny", recipe=recipe.model_dump(mode="json"), threads=1)

    return make
