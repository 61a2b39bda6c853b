"""The audit of a slide: part by part, every nucleus once, in level-0 pixels."""

from __future__ import annotations

import numpy as np
import pytest
from alterations import Inventor

from cytoshift.engine import CancelToken, DerivedSlide, Progress
from cytoshift.errors import Cancelled, SlideError
from cytoshift.slides import Slide, open_slide, samples
from cytoshift.slides.tissue import find_tissue
from cytoshift.translation.audit import audit_level, audit_slide

WIDTH, HEIGHT = 2600, 1100
BORDER = 2048  # between two parts, in level-0 pixels


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Slide:
    return open_slide(samples.draw(tmp_path_factory.mktemp("slide") / "s.ome.zarr", width=WIDTH, height=HEIGHT, seed=3))


def free(slide: Slide, x: int) -> tuple[int, int]:
    """Return a place without nuclei in a column of the slide."""
    light = slide.read(0, 0, x - 50, HEIGHT, 100).sum(axis=-1)
    y = next(y for y in range(60, HEIGHT - 60, 10) if light[y - 50 : y + 50].min() > 540)
    return x, y


def test_nuclei_at_the_border_of_two_parts_count_once(slide: Slide) -> None:
    places = (free(slide, BORDER - 8), free(slide, 500))
    audit = audit_slide(slide, DerivedSlide(slide, Inventor(*places)))
    assert audit.counts == {"invented": 2, "lost": 0, "outline": 0, "texture": 0}
    assert np.abs(np.sort(audit.points, axis=0) - np.sort(places, axis=0)).max() < 3
    assert audit.region == (0, 0, WIDTH, HEIGHT)
    itself = audit_slide(slide, slide)
    assert itself.nuclei[0] == itself.nuclei[1] == audit.nuclei[0]
    assert len(np.unique(itself.compared.points.round(-1), axis=0)) == len(itself.compared.points)


def test_a_region_holds_what_the_whole_slide_holds_there(slide: Slide) -> None:
    place = free(slide, BORDER - 8)
    derived = DerivedSlide(slide, Inventor(place, free(slide, 500)))
    region = (BORDER - 300.0, 0.0, BORDER + 300.0, float(HEIGHT))
    audit = audit_slide(slide, derived, region=region)
    assert audit.counts["invented"] == 1
    assert np.abs(audit.points[0] - place).max() < 3
    assert audit.region == region
    with pytest.raises(SlideError, match="no tissue in that region"):
        audit_slide(slide, derived, region=(-900, -900, -800, -800))


def test_parts_are_drawn_from_tissue_reported_and_cancelled(slide: Slide) -> None:
    told: list[Progress] = []
    audit = audit_slide(slide, slide, tissue=find_tissue(slide), most=1, report=told.append)
    assert [one.done for one in told] == [0, 1]
    assert audit.region[2] - audit.region[0] <= 2048
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        audit_slide(slide, slide, cancel=token)


def test_what_json_holds(slide: Slide) -> None:
    place = free(slide, 500)
    told = audit_slide(slide, DerivedSlide(slide, Inventor(place)), region=(300, 0, 800, HEIGHT)).to_json()
    assert told["counts"]["invented"] == 1
    assert told["changes"][0]["kind"] == "invented"
    x0, y0, x1, y1 = told["changes"][0]["box"]
    assert x0 < place[0] < x1
    assert y0 < place[1] < y1
    assert "look at each" in told["verdict"]


def test_a_slide_of_unknown_or_coarse_pixels_is_refused(slide: Slide) -> None:
    assert audit_level(slide) == 1
    assert audit_level(slide.calibrated((0.5, 0.5))) == 0
    with pytest.raises(SlideError, match="too coarse"):
        audit_level(slide.calibrated((2.0, 2.0)))
