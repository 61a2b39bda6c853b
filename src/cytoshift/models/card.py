"""The card of a model: what it does, what it was taught on, how good it is, and what it must not be used for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cytoshift.models.domain import Domain

Task = Literal["detector", "mitosis", "stain", "translation"]


class TrainingData(BaseModel):
    """What a model was trained on."""

    model_config = ConfigDict(extra="forbid")

    name: str
    source: str = ""
    licence: str = ""
    split: str = ""
    images: int = 0
    cells: int = 0


class Card(BaseModel):
    """A model's card, stored beside its weights as ``card.json``.

    ``architecture`` is what the method room needs to build the network before the weights are loaded; ``metrics``
    are numbers by name, measured on ``validation`` data that the training never saw; ``domain`` is what the fields it
    was taught on look like, where somebody measured that. A detector's ``thresholds`` are by class name, ``threshold``
    holds for the others; both are in scores scaled by ``calibration``, ``sigmoid(a logit(s) + b)``, where it has any.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    task: Task
    classes: tuple[str, ...] = ()
    mpp: float | None = Field(None, gt=0, allow_inf_nan=False)
    architecture: dict[str, Any] = Field(default_factory=dict)
    threshold: float = Field(0.5, allow_inf_nan=False)
    thresholds: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)
    calibration: dict[str, float] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    validation: str = ""
    trained_on: list[TrainingData] = Field(default_factory=list)
    parent: str = ""
    recipe: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    code_version: str = ""
    reader: str = ""
    licence: str = ""
    intended_use: str = "Research only. Not for diagnosis."
    domain: Domain | None = None
    sha256: str = ""
    made: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
