"""Small trainings of every task, for one process or for ranks: ``python rank_cases.py FOLDER CASE ...`` is a rank."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from drawn_patches import draw_set, usual_rows
from fields import write_set
from tiny_translator import lively
from torch import Tensor, nn

from cytoshift.detection.distillation.learning import DistilledLearning
from cytoshift.detection.learning import DetectorLearning
from cytoshift.detection.networks import Architecture, build_network
from cytoshift.detection.recipe import DetectorData, DetectorRecipe, DetectorViews
from cytoshift.detection.train import hold_back, read_data
from cytoshift.mitosis.learning import MitosisLearning
from cytoshift.mitosis.patches import read_patches
from cytoshift.mitosis.recipe import MitosisRecipe
from cytoshift.stain.restyling.learning import RestainLearning
from cytoshift.stain.restyling.patches import read_domain
from cytoshift.stain.restyling.recipe import RestainRecipe
from cytoshift.stain.restyling.task_network import TaskLearning, TaskNetwork
from cytoshift.training import TrainingSettings, TrainingTask, fit
from cytoshift.training.domains import Domain
from cytoshift.training.ranks import joined
from cytoshift.translation.recipe import TranslationRecipe
from cytoshift.translation.train import LEARNING

STEPS = 2
TRAINING: dict[str, Any] = {
    "steps": STEPS, "warmup": 1, "learning_rate": 1e-6, "device": "cpu", "validate_every": 2, "checkpoint_every": 2,
}  # fmt: skip


class Go:
    """Never stops."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        return "run"


class Line(TrainingTask):
    """Fits a line; cannot be divided, as any task that does not say otherwise."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(1, 1)

    def batch(self, step: int) -> Tensor:
        return torch.rand(10, 1, generator=torch.Generator().manual_seed(step))

    def loss(self, batch: Tensor) -> dict[str, Tensor]:
        return {"error": ((self.network(batch) - 2 * batch - 1) ** 2).mean()}

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"score": 0.0}


def draw(folder: Path) -> None:
    """Draw what the trainings learn from."""
    write_set(folder / "fields", train=4, val=1, mpp=0.5)
    draw_set(folder / "patches", usual_rows(slides=4))


def detector(folder: Path, batch: int = 3, **losses: float) -> TrainingTask:
    recipe = DetectorRecipe(
        mpp=0.5,
        data=DetectorData(path=str(folder / "fields"), mpp=0.5, holdout=0.25, through="x" if losses else ""),
        architecture=Architecture(channels=32, tile=128, halo=32),
        views=DetectorViews(crop=64),
        distillation={"teacher": "given", "view": "translated", **losses} if losses else None,
        training=TrainingSettings(**TRAINING, batch=batch),
    )
    data = read_data(recipe)
    training, held = hold_back(recipe, data)
    if not losses:
        return DetectorLearning(recipe, training, held)
    torch.manual_seed(1)
    teacher = build_network(recipe.architecture, 2)
    nn.init.normal_(teacher.head.classification_head.cls_logits.weight, std=0.3)
    return DistilledLearning(recipe, training, held, home=training, teacher=teacher.state_dict())


def mitosis(folder: Path, **training: Any) -> TrainingTask:
    recipe = MitosisRecipe.model_validate(
        {
            "data": {"path": "here"},
            "views": {"view": 32, "side": 64},
            "training": {**TRAINING, "batch": 12, **training},
        }
    )
    patches = read_patches(folder / "patches")
    return MitosisLearning(recipe, patches, patches)


def translator(method: str, batch: int = 3) -> TrainingTask:
    weak = method == "not"
    plan = {"arch": "timecond" if method == "unsb" else "plain", "width": 4, "blocks": 1, "mapping": 0}
    recipe = TranslationRecipe.model_validate(
        {
            "source": {"path": "a"},
            "target": {"path": "b"},
            "mpp": 0.5,
            "crop": 32,
            "rehearsal": 1,
            "architecture": {
                "method": method,
                "generator": {**plan, "inputs": 4} if weak else plan,
                "steps": 3 if method == "unsb" else 1,
                "noise": 0.5 if weak else 0.0,
                "tile": 128,
            },
            "critics": {"width": 4},
            "contrast": {"taps": [0, 1, 2], "places": 16, "width": 8},
            "transport": {"draws": 2} if weak else {},
            "training": {**TRAINING, "batch": batch},
        }
    )
    start = lively(recipe.architecture.generator).state_dict()  # an untrained one makes plain grey of everything
    return LEARNING[recipe.method](recipe, _domain(0), _domain(9), show=lambda step, sheet: None, start=start)


def _domain(seed: int) -> Domain:
    rng = np.random.default_rng(seed)
    images = [np.kron(rng.integers(40, 250, (12, 12, 3), np.uint8), np.ones((8, 8, 1), np.uint8)) for _ in range(3)]
    return Domain("drawn", images, [np.ones(image.shape[:2], np.bool_) for image in images])


def restyler(folder: Path, *, task: bool = False) -> TrainingTask:
    fields = str(folder / "fields")
    recipe = RestainRecipe.model_validate(
        {
            "mpp": 0.5,
            "source": {"path": fields, "split": "train"},
            "target": {"path": fields, "split": "val"},
            "architecture": {"widths": [4, 4, 4, 4, 4, 4], "tile": 64},
            "critics": {"widths": [4, 4, 4, 4, 4]},
            "patches": {"size": 64},
            "stages": {"intra": 1, "inter": 1, "task": STEPS},
            "task_network": {
                "trunk": "resnet18", "patch": 64, "normal": ["disc"], "training": {**TRAINING, "batch": 8}
            },
            "training": {name: value for name, value in TRAINING.items() if name != "steps"} | {"batch": 4},
        }
    )  # fmt: skip
    source, target = read_domain(recipe.source, 0.5, 64), read_domain(recipe.target, 0.5, 64)
    if task:
        return TaskLearning(recipe.task_network, source)
    torch.manual_seed(2)
    return RestainLearning(recipe, "task", source, target, task_network=TaskNetwork("resnet18"))


CASES: dict[str, Callable[[Path], TrainingTask]] = {
    "line": lambda folder: Line(),
    "detector": detector,
    "distilled": lambda folder: detector(folder, lfa=1.0, cfa=1.0, kd=1.0, dkd=1.0, sp=1.0),
    "mitosis in parts": lambda folder: mitosis(folder, at_once=7),
    **{method: lambda folder, method=method: translator(method) for method in ("unsb", "cyclegan", "not")},
    "one image": lambda folder: translator("cut", batch=1),
    "restyler": restyler,
    "task network": lambda folder: restyler(folder, task=True),
}


def run(names: list[str], data: Path, out: Path) -> Iterator[tuple[str, list[dict[str, Any]], dict[str, Tensor]]]:
    """Train each case; yields its name, its events and its weights."""
    for name in names:
        task = CASES[name](data)
        settings = TrainingSettings(**TRAINING, at_once=7 if name == "mitosis in parts" else None, keep="last")
        events: list[dict[str, Any]] = []
        result = fit(task, settings, out / name, emit=events.append, control=Go())
        yield name, events, result.state


if __name__ == "__main__":
    torch.set_num_threads(1)
    home = Path(sys.argv[1])
    with joined("cpu") as ranks:
        said = {name: events for name, events, _ in run(sys.argv[2:], home, home / "ranks")}
        (home / f"rank-{ranks.number}.json").write_text(json.dumps(said))
