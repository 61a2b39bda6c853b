"""The tissue mask on real slides and fields."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cytoshift.slides import Frame, open_slide
from cytoshift.slides.tissue import find_tissue


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("tcga-cr-7395.svs", 0.6, 0.75),
        ("cmu-1-small-region.svs", 0.35, 0.5),
        ("kidney-48-5.tif", 0.005, 0.05),
        ("fluorescence-dapi.ndpi", 0.3, 0.8),
    ],
)
def test_a_slide_has_as_much_tissue_as_the_eye_sees(data, name, least, most):
    slide = open_slide(data / "slides" / name)
    tissue = find_tissue(slide)
    assert least < tissue.fraction < most
    if slide.mpp is not None:
        level = slide.levels[0]
        whole = level.height * level.width * slide.mpp**2 / 1e6
        assert tissue.area_mm2(slide.frame) == pytest.approx(tissue.fraction * whole, rel=0.02)
    else:
        assert tissue.area_mm2(Frame(None)) is None


def test_the_hole_in_a_section_is_glass_and_its_middle_is_tissue(data):
    tissue = find_tissue(open_slide(data / "slides" / "tcga-cr-7395.svs"))
    assert tissue.covered(2650, 1950, 2850, 2150) < 0.5
    assert tissue.covered(1000, 1500, 1500, 2000) == 1.0


@pytest.mark.parametrize("folder", ["cric", "cric-scanner-b"])
def test_no_labelled_cell_is_lost(data, folder):
    field = data / "cervical" / folder
    known = json.loads((field / "annotations.json").read_text())
    for image in known["images"][::12]:
        tissue = find_tissue(open_slide(field / image["file_name"]))
        boxes = np.array([one["bbox"] for one in known["annotations"] if one["image_id"] == image["id"]])
        boxes[:, 2:] += boxes[:, :2]
        assert min(tissue.covered(*box) for box in boxes.tolist()) > 0.8, image["file_name"]


def test_dim_crowded_fields_are_kept_and_glass_of_sparse_ones_is_not(data):
    field = data / "cervical" / "lbc"
    assert find_tissue(open_slide(field / "LSIL_1_1.jpg")).fraction > 0.8
    assert 0.2 < find_tissue(open_slide(field / "NL_1__1.jpg")).fraction < 0.6
