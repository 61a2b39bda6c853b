"""The snap on nuclei of CRIC with a clear edge, against their outlines that were drawn by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shapely import Polygon

from cytoshift.slides import open_slide
from cytoshift.slides.nucleus import Nucleus, nucleus_at

NUCLEI = Path(__file__).parents[2] / "experiments" / "nuclei.json"
CLEAR = (5, 10, 12, 22, 31, 39, 47, 48)
"""Places in the file of round nuclei that nothing touches."""


@pytest.mark.parametrize("scanner", ["cric", "cric-scanner-b"])
def test_clear_nuclei_are_found_with_one_click(data: Path, scanner: str) -> None:
    folder = data / "cervical" / scanner
    cells = json.loads(NUCLEI.read_text(encoding="utf-8"))["cells"]
    for cell in (cells[at] for at in CLEAR):
        found = nucleus_at(open_slide(folder / cell["image"]).calibrated((0.25, 0.25), 40), *cell["point"])
        assert isinstance(found, Nucleus), cell["id"]
        outline, truth = Polygon(found.outline), Polygon(cell["outline"])
        assert outline.intersection(truth).area / outline.union(truth).area > 0.7, cell["id"]
