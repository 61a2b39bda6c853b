"""Annotations that others published, as they published them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cytoshift.errors import StudyError
from cytoshift.study.formats import registry
from cytoshift.study.formats.picture import Picture

DATA = Path(os.environ.get("CYTOSHIFT_DATA", Path(__file__).parents[3] / "shared" / "data"))
BLOOD = sorted((DATA / "blood" / "bccd").glob("*.xml"))
MIDOG = DATA / "mitosis" / "midogpp-excerpt.json"
CRIC = DATA / "cervical" / "cric" / "annotations.json"


@pytest.mark.skipif(not BLOOD, reason="blood/bccd is not there")
def test_blood_cells_in_pascal_voc(tmp_path):
    for file in BLOOD[:20]:
        assert registry.format_of(file).name == "voc"
        read = registry.read(file, Picture(f"{file.stem}.jpg", 640, 480))
        objects = ElementTree.parse(file).findall("object")
        assert [read.classes[k] for k in read.labels] == [one.findtext("name") for one in objects]
        assert read.boxes[:, 0].tolist() == [float(one.findtext("bndbox/xmin")) for one in objects]
        again = registry.read(registry.write(tmp_path / file.name, read, Picture(f"{file.stem}.jpg", 640, 480)))
        assert again.ids == read.ids
        assert np.array_equal(again.boxes, read.boxes)


@pytest.mark.skipif(not MIDOG.is_file(), reason="mitosis/midogpp-excerpt.json is not there")
def test_mitoses_in_midog(tmp_path):
    assert registry.format_of(MIDOG).name == "midog"
    published = json.loads(MIDOG.read_text())
    total = 0
    for image in published["images"]:
        slide = Picture(image["file_name"], image["width"], image["height"])
        read = registry.read(MIDOG, slide)
        mine = [one for one in published["annotations"] if one["image_id"] == image["id"]]
        assert np.array_equal(read.boxes, np.array([one["bbox"] for one in mine], np.float32).reshape(-1, 4))
        assert list(read.given) == [str(one["id"]) for one in mine]
        again = json.loads(registry.write(tmp_path / "x.json", read, slide, name="midog").read_text())["annotations"]
        assert [(one["id"], one["bbox"]) for one in again] == [(one["id"], one["bbox"]) for one in mine]
        total += len(read)
    assert total == len(published["annotations"])
    with pytest.raises(StudyError, match=r"is of 001\.tiff .* and 17 more and not of other\.tiff"):
        registry.read(MIDOG, Picture("other.tiff", 7215, 5412))
    with pytest.raises(StudyError, match="--format midog"):
        registry.read(MIDOG, Picture("001.tiff", 7215, 5412), name="coco")


@pytest.mark.skipif(not CRIC.is_file(), reason="cervical/cric is not there")
def test_cervical_cells_in_coco():
    published = json.loads(CRIC.read_text())
    image = next(
        one for one in published["images"] if any(a["image_id"] == one["id"] for a in published["annotations"])
    )
    read = registry.read(CRIC, Picture(image["file_name"], image["width"], image["height"]))
    assert registry.format_of(CRIC).name == "coco"
    assert len(read) == sum(one["image_id"] == image["id"] for one in published["annotations"]) > 0
