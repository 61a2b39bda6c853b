"""The recipe of a detector."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cytoshift.detection.networks import Architecture
from cytoshift.training.settings import TrainingSettings


class DetectorData(BaseModel):
    """What a detector learns from.

    ``mpp`` is the µm/px of images that say nothing of it themselves. ``holdout`` is the share of the images, drawn
    by the seed, on which the best step and the threshold are chosen.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    split: str = "train"
    mpp: float = Field(0.25, gt=0)
    holdout: float = Field(0.1, gt=0, lt=1)


class DetectorViews(BaseModel):
    """How the fields are varied: side of the crop in pixels, size and stain jitter, share of crops around a cell."""

    model_config = ConfigDict(extra="forbid")

    crop: int = Field(320, multiple_of=32)
    scale_jitter: float = Field(0.2, ge=0, lt=1)
    stain_jitter: float = Field(0.2, ge=0, lt=1)
    around_cells: float = Field(0.8, ge=0, le=1)
    balance: float = Field(0.5, ge=0, le=1, description="0 draws cells as they are, 1 every class equally often")


class DetectorRecipe(BaseModel):
    """A detector's recipe: what it learns from, its network, its views and its training."""

    model_config = ConfigDict(extra="forbid")

    task: Literal["detector"] = "detector"
    id: str = Field("detector", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = "Detector"
    mpp: float = Field(0.5, gt=0, description="µm/px at which the network looks")
    data: DetectorData
    architecture: Architecture = Architecture()
    views: DetectorViews = DetectorViews()
    training: TrainingSettings = TrainingSettings()
