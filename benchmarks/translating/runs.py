"""The translators that are compared, and runs of them over a slide."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from cytoshift.engine.operator import ImageOperator
from cytoshift.engine.pipeline import Pipeline
from cytoshift.engine.view import View
from cytoshift.models import load_model
from cytoshift.slides.slide import Slide
from cytoshift.translation import Generator, GeneratorPlan, PlainTiles, Translator, TranslatorArchitecture

RGB = npt.NDArray[np.uint8]

MPP = 0.25


def narrow(tile: int = 256, **changes: object) -> dict[str, object]:
    """Return what an operator is made of: a bridge's generator of 8 channels and two blocks, drawn at random.

    Its weights are larger than those that training starts from, so that its output is no plain grey.
    """
    plan = GeneratorPlan.model_validate({"width": 8, "blocks": 2, "mapping": 1, **changes})
    torch.manual_seed(0)
    generator = Generator(plan)
    for module in generator.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.xavier_normal_(module.weight)
    architecture = TranslatorArchitecture(generator=plan, tile=tile)
    return {
        "architecture": architecture,
        "state": generator.state_dict(),
        "mpp": MPP,
        "title": "Narrow",
        "model_id": "narrow",
        "version": f"{plan.width}-{plan.blocks}",
        "device": "cpu",
    }


def of_model(folder: Path) -> dict[str, object]:
    """Return what an operator is made of: the model in a folder."""
    model = load_model(folder)
    card = model.card
    return {
        "architecture": card.architecture,
        "state": model.load_state(),
        "mpp": card.mpp,
        "title": card.title,
        "model_id": card.id,
        "version": card.sha256,
        "device": "cpu",
    }


def built(kind: type[Translator | PlainTiles], parts: dict[str, object], **options: object) -> Translator | PlainTiles:
    """Make an operator of one kind of its parts."""
    return kind.from_model(**parts | options)  # type: ignore[arg-type]


def translated(operator: ImageOperator, slide: Slide, rows: int | None = None) -> RGB:
    """Run over a slide, or over its first rows of tiles; returns their pixels."""
    operator = operator.prepare(slide)
    view = View.of(slide, operator.needs)
    pipeline = Pipeline(view, view.grid(operator.needs), operator.needs.batch)
    tiles = pipeline.grid.tiles[: None if rows is None else rows * pipeline.grid.columns]
    out = np.zeros((tiles[-1].y + tiles[-1].height, pipeline.grid.width, 3), np.uint8)
    for shard, cores in pipeline.map(operator, tiles):
        for tile, core in zip(shard, cores, strict=True):
            out[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = core
    return out


def seconds(operator: ImageOperator, slide: Slide) -> float:
    """Run over a slide that the operator has not seen; returns the CPU time."""
    start = time.process_time()
    translated(operator, slide)
    return time.process_time() - start


@contextmanager
def counted(operator: Translator | PlainTiles) -> Iterator[list[int]]:
    """Count how many windows an operator's generator is given."""
    windows: list[int] = []
    handle = operator._passes.generator.register_forward_hook(lambda _, given, __: windows.append(len(given[0])))
    yield windows
    handle.remove()
