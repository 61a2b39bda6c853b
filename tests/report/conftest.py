"""A small slide in a file, and a study of it made by hand, of which every number is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cytoshift.engine.findings import Findings, Provenance
from cytoshift.models import Registry
from cytoshift.slides import open_slide
from cytoshift.study import Study

WIDTH, HEIGHT, MPP = 1000, 800, 0.25

LABELS = ("NILM", "NILM", "LSIL", "HSIL", "HSIL", "HSIL", "SCC", "HSIL")
SCORES = (0.9, 0.8, 0.7, 0.6, 0.95, 0.55, 0.5, 0.2)
"""Of the predictions; the last one is below every threshold."""

CLASSES = ("NILM", "LSIL", "HSIL", "SCC")


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """Return glass with tissue on the left half."""
    rng = np.random.default_rng(0)
    made = np.full((HEIGHT, WIDTH, 3), 243, np.int16) + rng.integers(-3, 4, (HEIGHT, WIDTH, 1))
    made[:, : WIDTH // 2] = np.array((190, 140, 180)) + rng.integers(-15, 16, (HEIGHT, WIDTH // 2, 3))
    return made.astype(np.uint8)


@pytest.fixture
def smear(tmp_path: Path, pixels: np.ndarray) -> Path:
    path = tmp_path / "smear.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def found() -> Callable[..., Findings]:
    """Return a maker of eight predictions in a row, 100 px apart."""

    def make(slide: str, labels: tuple[str, ...] = LABELS, model: str = "by-hand", **more: object) -> Findings:
        classes = tuple(dict.fromkeys((*(CLASSES if labels == LABELS else ()), *labels)))
        x = np.arange(len(labels), dtype=np.float32) * 100 + 40
        return Findings(
            np.stack([x, x * 0 + 100, x + 40, x * 0 + 140], axis=1),
            np.resize(np.array(SCORES, np.float32), len(labels)),
            np.array([classes.index(label) for label in labels], np.int16),
            classes,
            Provenance(slide, model, "0123456789abcdef" * 4, 0.1, **more),
        )

    return make


@pytest.fixture
def study(tmp_path: Path, smear: Path, found: Callable[..., Findings]) -> Iterator[Study]:
    """Return a study with one slide of known µm/px and eight predictions."""
    with Study.create(tmp_path / "study") as made:
        slide = open_slide(smear)
        identity = made.add_slide(slide)
        made.calibrate(identity, (MPP, MPP), 40)
        made.author = "ada"
        made.add_findings(found(identity))
        yield made


@pytest.fixture
def identity(study: Study) -> str:
    return study.slides()[0].identity
