"""Small annotated fields drawn by the tests: dark discs and grey squares on pink, with COCO's JSON beside them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("disc", "square")


def draw_field(seed: int, size: int = 192, cells: int = 8) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw a field; returns its pixels and its annotations without ids."""
    rng = np.random.default_rng(seed)
    image = np.clip(rng.normal((235, 205, 215), 4, (size, size, 3)), 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[:size, :size]
    annotations: list[dict[str, Any]] = []
    taken: list[tuple[float, float]] = []
    while len(annotations) < cells:
        x, y = rng.uniform(20, size - 20, 2)
        if any(np.hypot(x - a, y - b) < 36 for a, b in taken):
            if rng.random() < 0.02:
                break
            continue
        taken.append((x, y))
        kind = int(rng.integers(2))
        inside = (
            np.hypot(columns - x, rows - y) < 14 if kind == 0 else (np.abs(columns - x) < 14) & (np.abs(rows - y) < 14)
        )
        image[inside] = (60, 40, 110) if kind == 0 else (110, 110, 110)
        annotations.append({"category_id": kind + 1, "bbox": [x - 14, y - 14, 28, 28], "iscrowd": 0})
    return image, annotations


def write_set(folder: Path, *, train: int = 6, val: int = 2, mpp: float | None = None) -> Path:
    """Write a COCO data set with the splits ``train`` and ``val``; returns its folder."""
    folder.mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(train + val):
        pixels, cells = draw_field(index)
        name = f"field-{index}.png"
        Image.fromarray(pixels).save(folder / name)
        entry = {"id": index, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]}
        images.append(entry | {"split": "train" if index < train else "val"} | ({"mpp": mpp} if mpp else {}))
        for cell in cells:
            annotations.append({"id": len(annotations), "image_id": index, **cell})
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (folder / "annotations.json").write_text(text)
    return folder
