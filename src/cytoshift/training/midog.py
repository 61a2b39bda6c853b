"""MIDOG's annotations of mitotic figures: they look like COCO's JSON, and are not.

Boxes are x0, y0, x1, y1; images that nobody annotated are listed, too; and which image is of which split stands in a
table of its own. The same goes for MIDOG 2021, MIDOG 2022 and MIDOG++ (Aubreville et al., Scientific Data 2023).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cytoshift.errors import DataError
from cytoshift.training.rows import read_rows

MITOSIS, LOOK_ALIKE = "mitosis", "look-alike"
"""Classes of a detector of mitoses: a mitotic figure, and what was taken for one and is none (a hard negative)."""

SPLITS = "datasets_xvalidation.csv"
"""MIDOG++'s table of splits, with the columns ``Slide``, the number of an image, and ``Dataset``, train or test."""

_FIGURE = "mitotic figure"


def is_midog(data: dict[str, Any]) -> bool:
    """Say whether JSON is MIDOG's: two categories, the first of them mitotic figures, and boxes that are corners."""
    categories = {int(each["id"]): str(each["name"]) for each in data["categories"]}
    boxes = [each["bbox"] for each in data["annotations"] if "bbox" in each]
    corners = all(x1 > x0 and y1 > y0 for x0, y0, x1, y1 in boxes)
    return set(categories) == {1, 2} and categories[1] == _FIGURE and corners


def in_coco_form(file: Path, data: dict[str, Any]) -> dict[str, Any]:
    """Return MIDOG's JSON as COCO would have it, with the classes `MITOSIS` and `LOOK_ALIKE`.

    Images without any annotation are left out: MIDOG lists the 50 of a scanner that nobody annotated, and every image
    that was annotated has at least a look-alike. Images get the split that `SPLITS` names, where that table is there.
    """
    splits = _splits(file)
    annotated = {each["image_id"] for each in data["annotations"]}
    return {
        **data,
        "categories": [{"id": 1, "name": MITOSIS}, {"id": 2, "name": LOOK_ALIKE}],
        "annotations": [{**each, "bbox": _in_coco_form(each["bbox"])} for each in data["annotations"]],
        "images": [
            image | ({"split": splits[stem]} if (stem := Path(image["file_name"]).stem) in splits else {})
            for image in data["images"]
            if image["id"] in annotated
        ],
    }


def image_folder(file: Path, name: str) -> Path:
    """Return where the images of a file are: beside it, in ``images`` there, or in ``images`` a folder further up."""
    places = (file.parent, file.parent / "images", file.parent.parent / "images")
    return next((place for place in places if (place / name).is_file()), places[0])


def _in_coco_form(corners: list[float]) -> list[float]:
    x0, y0, x1, y1 = corners
    return [x0, y0, x1 - x0, y1 - y0]


def _splits(file: Path) -> dict[str, str]:
    """Return the split by the number of an image, written as in its file's name; nothing where no table is there."""
    for table in (file.parent / SPLITS, file.parent.parent / SPLITS):
        if table.is_file():
            rows = read_rows(table)
            if not {"Slide", "Dataset"} <= set(rows[0]):
                raise DataError(f"{table} has no columns Slide and Dataset; download it again or remove it.")
            return {row["Slide"].zfill(3): row["Dataset"] for row in rows}
    return {}
