"""How a detector is taught by another one."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Distillation(BaseModel):
    """The teacher, what the student sees, and how much each loss weighs; 0 leaves it out.

    Attributes
    ----------
    teacher : str
        Detector that was taught on the source: its id or folder. The student starts from it.
    view : str
        The teacher always sees the source's field. ``translated`` shows the student what ``data.through`` makes of
        it, ``stain_aug`` the field in strongly varied stains, ``mixed`` either.
    jitter : float
        Strength of those stains.
    lfa, cfa : float
        The paper's loose and compact alignment, from coarse to fine.
    kd, dkd, sp : float
        What it compares itself with.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: str
    view: Literal["translated", "stain_aug", "mixed"] = "translated"
    jitter: float = Field(0.6, ge=0, lt=1)
    lfa: float = Field(0.0, ge=0)
    cfa: float = Field(0.0, ge=0)
    kd: float = Field(0.0, ge=0)
    dkd: float = Field(0.0, ge=0)
    sp: float = Field(0.0, ge=0)
