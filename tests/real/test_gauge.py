"""How far real slides are from what the detector that ships was taught on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytoshift import stain
from cytoshift.engine import Operator
from cytoshift.models import Domain, Registry, build_operator
from cytoshift.models.gauge import Distance, distance
from cytoshift.slides import open_slide
from cytoshift.training.coco import read_coco


@pytest.fixture(scope="module")
def home() -> tuple[Domain, Operator]:
    """Return the domain of the detector that ships, and the detector."""
    model = Registry().find("starter", "detector")
    assert model.card.domain is not None
    return model.card.domain, build_operator(model)


def measured(home: tuple[Domain, Operator], path: Path, method: str = "") -> Distance:
    slide = open_slide(path).calibrated((0.25, 0.25))
    domain, operator = home
    through = stain.method(method) if method else None
    found = distance(domain, slide, operator=operator, through=through)
    slide.close()
    return found


def typical(distances: list[Distance]) -> tuple[float, float]:
    """Return the median distance of colours, and of the look."""
    return float(np.median([d.colour for d in distances])), float(np.median([d.look or 0 for d in distances]))


def test_unseen_fields_of_home_are_usual_and_another_scanner_is_not(data: Path, home: tuple[Domain, Operator]) -> None:
    here, there = (read_coco(data / "cervical" / name, "val").fields[::4] for name in ("cric", "cric-scanner-b"))
    near = [measured(home, field.path) for field in here]
    far = [measured(home, field.path) for field in there]
    back = [measured(home, field.path, "reinhard") for field in there]
    assert near[0].usual_look is not None
    # The detector has been taught the other scanner's look as a translator shows it: its trunk is less surprised.
    for k, ((_, high), clear) in enumerate(((near[0].usual_colour, 1.5), (near[0].usual_look, 1.0))):
        assert typical(near)[k] < high < typical(far)[k] / clear
        assert typical(back)[k] < high


def test_other_looks_are_far(data: Path, home: tuple[Domain, Operator]) -> None:
    section = measured(home, data / "slides" / "tcga-cr-7395.svs")
    lbc = typical([measured(home, path) for path in sorted((data / "cervical" / "lbc").glob("*.jpg"))[:3]])
    assert section.colour > section.usual_colour[1]
    assert lbc[0] > section.usual_colour[1]
