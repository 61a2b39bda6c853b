"""A restyler so small that it learns in seconds, for tests of what goes on from it."""

from __future__ import annotations

from pathlib import Path

import torch

from cytoshift.models import Card, Model, Registry, save_model
from cytoshift.models.gauge import coco_slides, measure_domain
from cytoshift.stain.restyling.networks import Generator
from cytoshift.stain.restyling.recipe import RestylerArchitecture
from cytoshift.training.coco import read_fields

QUICK = (
    "stages.inter=2",
    "patches.size=64",
    "critics.widths=[4, 4, 4, 4, 4]",
    "training.batch=2",
    "training.validate_every=1",
    "training.device='cpu'",
)
"""Settings of a second stage of two steps."""


def add_restyler(folder: Path, fields: str, *, mpp: float = 0.5) -> Model:
    """Put a restyler into the user's registry, untrained, whose card says that it learnt from a folder of images."""
    torch.manual_seed(0)
    plan = RestylerArchitecture(widths=(4, 4, 4, 4, 4, 4), tile=64)
    card = Card(
        id="like-ours",
        title="Like ours",
        task="stain",
        mpp=mpp,
        architecture=plan.model_dump(mode="json"),
        domain=measure_domain(coco_slides(read_fields(fields), mpp), name="ours"),
        recipe={"source": {"path": Path(fields).name, "mpp": mpp}},
    )
    save_model(folder, card, Generator(plan.removal.channels, plan.widths).state_dict())
    return Registry().add(folder)
