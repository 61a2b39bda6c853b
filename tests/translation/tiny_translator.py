"""Translators small enough for tests, and a slide for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cytoshift.models import Card, Registry
from cytoshift.models.model import save_model
from cytoshift.slides.samples import Scene, render_tile
from cytoshift.translation import Generator, GeneratorPlan, PlainTiles, Translator, TranslatorArchitecture

MPP = 0.25
TILE = 64

RGB = npt.NDArray[np.uint8]


def architecture(**changes: Any) -> TranslatorArchitecture:
    """Return what a bridge's card would say; `changes` are of the generator's plan."""
    plan: dict[str, Any] = {"arch": "release", "width": 4, "blocks": 1, "mapping": 0, **changes}
    return TranslatorArchitecture(method="unsb", generator=GeneratorPlan(**plan), tile=TILE)


def lively(plan: GeneratorPlan, seed: int = 0) -> Generator:
    """Return a generator with weights so large that its output is no plain grey."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = Generator(plan)
        for module in generator.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    torch.nn.init.normal_(module.bias, std=0.1)
    return generator.eval()


def translator(kind: type[Translator | PlainTiles] = Translator, **options: Any) -> Any:
    """Return an operator; ``architecture`` may be given."""
    plan = options.pop("architecture", None) or architecture()
    state = lively(plan.generator).state_dict()
    about = {"mpp": MPP, "title": "Tiny", "model_id": "tiny", "version": "0" * 64, "device": "cpu"}
    return kind.from_model(architecture=plan, state=state, **about | options)


@cache
def scene(height: int, width: int, seed: int = 0) -> RGB:
    """Return a drawn field with cells."""
    return render_tile(Scene(seed), 0, 0, height, width, "home")


def add_translator(folder: Path, name: str, *, steps: int = 3, mpp: float | None = 0.5, **changes: Any) -> str:
    """Put a very small translator among the models; return its id. What changes its card need not fit it."""
    arch = "timecond" if steps > 1 else "plain"
    plan = TranslatorArchitecture(
        method="unsb" if steps > 1 else "cut",
        generator=GeneratorPlan(arch=arch, width=4, blocks=1),
        steps=steps,
        tile=128,
    )
    torch.manual_seed(0)
    state = Generator(plan.generator).state_dict()
    card = Card(id=name, title=name.title(), task="translation", mpp=mpp, architecture={**plan.model_dump(), **changes})
    if changes:
        return str(save_model(Registry().root / "translation" / name, card, state).card.id)
    save_model(folder / name, card, state)
    return str(Registry().add(folder / name).card.id)
