"""How long, how fast and how carefully a network is trained; the same settings for every method."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """Settings of the training loop.

    The defaults are AdamW's usual learning rate for networks trained from scratch, and the EMA decay and clipping
    that most detectors use.

    Attributes
    ----------
    at_once : int or None
        Images of a batch that are computed at once, for methods that can split theirs; gradients add up. All without,
        and fewer from when memory runs out.
    schedule : str
        ``"cosine"`` falls with the steps, ``"plateau"`` whenever ``plateau_patience`` validations brought nothing new,
        by ``plateau_factor``.
    patience : int
        Validations without a better one after which the training ends; 0 for never.
    """

    model_config = ConfigDict(extra="forbid")

    steps: int = Field(1000, ge=1)
    batch: int = Field(8, ge=1)
    at_once: int | None = Field(None, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(1e-4, ge=0)
    warmup: int = Field(100, ge=0)
    final_learning_rate: float = Field(0.01, ge=0, le=1, description="share of the peak at the last step")
    schedule: Literal["cosine", "plateau"] = "cosine"
    plateau_factor: float = Field(0.1, gt=0, lt=1)  # that of torch's ReduceLROnPlateau, as its patience is
    plateau_patience: int = Field(10, ge=0)
    patience: int = Field(0, ge=0)
    clip_norm: float = Field(1.0, gt=0)
    ema_decay: float = Field(0.998, ge=0, lt=1)
    keep: Literal["best", "last"] = "best"
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "auto"
    seed: int = 0
    validate_every: int = Field(200, ge=1)
    checkpoint_every: int = Field(100, ge=1)
