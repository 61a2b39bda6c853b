"""A translator breathes between its layers, so that it stops long before a tile is done."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cytoshift.engine.pace import paced_by
from cytoshift.errors import Cancelled
from cytoshift.translation import Generator, GeneratorPlan, Translator, TranslatorArchitecture


def test_a_translator_stops_between_two_layers() -> None:
    plan = TranslatorArchitecture(generator=GeneratorPlan(width=4, blocks=1), tile=128)
    torch.manual_seed(0)
    operator = Translator(
        Generator(plan.generator), plan, mpp=0.5, title="Small", model_id="small", version="0", device="cpu"
    )
    tiles = np.full((1, 64, 64, 3), 200, np.uint8)
    breaths: list[int] = []
    with paced_by(lambda: breaths.append(0)):
        operator.apply(tiles)
    assert len(breaths) == len(plan.generator.sites)
    breaths.clear()

    def stop() -> None:
        breaths.append(0)
        if len(breaths) == 3:
            raise Cancelled("Nobody wants it.")

    with pytest.raises(Cancelled), paced_by(stop):
        operator.apply(tiles)
    assert len(breaths) == 3
