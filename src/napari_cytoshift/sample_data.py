"""Sample slides: one drawn Pap smear as two scanners show it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from cytoshift.engine.progress import Progress
from napari_cytoshift.background import Work, wait_for
from napari_cytoshift.layers.slide_layers import layer_data
from napari_cytoshift.reader import open_calibrated, read_in_background

Style = Literal["home", "away"]
HOME: Style = "home"
AWAY: Style = "away"


def home_scanner() -> list[tuple[Any, dict[str, Any], str]]:
    """Return the Pap smear as the home scanner shows it, as layer data."""
    return _open(HOME)


def away_scanner() -> list[tuple[Any, dict[str, Any], str]]:
    """Return the same Pap smear through another scanner, as layer data."""
    return _open(AWAY)


def sample_path(style: Style, work: Work) -> Path:
    """Return the folder of a sample slide, drawn now where it is not there yet."""
    from cytoshift.slides import samples

    start = time.monotonic()

    def report(done: int, total: int) -> None:
        work.cancel.check()
        gone = time.monotonic() - start
        work.report(Progress(done, total, gone, gone / done * (total - done) if done else None))

    return samples.cached(style, report=report)


def _open(style: Style) -> list[tuple[Any, dict[str, Any], str]]:
    read_in_background()
    slide = wait_for("Opening the sample slide", lambda work: open_calibrated(sample_path(style, work)))
    return [layer_data(slide)]
