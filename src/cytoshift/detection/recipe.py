"""The recipe of a detector."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cytoshift.detection.distillation.recipe import Distillation
from cytoshift.detection.labels import CLASS_MAPS
from cytoshift.detection.networks import Architecture
from cytoshift.training.settings import TrainingSettings


class DetectorData(BaseModel):
    """What a detector learns from.

    Attributes
    ----------
    path, split, half : str
        A data set in COCO's JSON or MIDOG's, and which of its images, all with ``""``; or a table of patches with a
        mitosis in the middle of each, which are laid side by side.
    mpp : float
        µm/px of images that say nothing of it themselves.
    through : str
        What the images are seen through: a stain method or a model that changes colours; ``""`` for as they are.
    reference : str
        Image whose colours a stain method aims at; its usual ones without.
    classes : str or dict
        ``"bethesda"`` (as they are), ``"grade"``, ``"abnormal"`` or ``"cell"``, or a table of names: its own name for
        each class of the data set; ``"ignore"`` makes a place of which nothing is said, ``"none"`` leaves cells out.
    point_um : float
        Side in µm of the box around a cell of which only a point is known.
    box : float or None
        If set, images are scaled so that the data set's median box has this side in pixels of the network, whatever
        µm/px anyone says: for data sets whose scale is not known.
    look_alikes : str
        A detector of mitoses: what it calls a mitosis where there is none is taught as a look-alike; ``""`` for none.
    tissue : str
        A folder of images of tissue without a mitosis, at the µm/px of a table of patches, whose mitoses are set into
        them; ``""`` for patches alone.
    holdout : float
        Share of the images, drawn by the seed, on which the best step and the threshold are chosen; those of one
        slide stay together where the data set says of which they are.
    repeated : int
        Learning from corrections only: of how many fields that the parent learnt from some are in every batch, where
        they are at hand; 0 for none.
    remembered : int
        Likewise: on how many fields that the parent was validated on it is measured what was forgotten; 0 for none.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    split: str = "train"
    half: str = ""
    mpp: float = Field(0.25, gt=0)
    through: str = ""
    reference: str = ""
    classes: str | dict[str, str] = "bethesda"
    point_um: float = Field(16.0, gt=0)
    box: float | None = Field(None, gt=0)
    look_alikes: str = ""
    tissue: str = ""
    holdout: float = Field(0.1, gt=0, lt=1)
    repeated: int = Field(48, ge=0)
    remembered: int = Field(16, ge=0)

    @model_validator(mode="after")
    def _known_classes(self) -> Self:
        if isinstance(self.classes, str) and self.classes not in CLASS_MAPS:
            raise ValueError(f"classes is one of {', '.join(CLASS_MAPS)}, or a table of names")
        return self


class DetectorViews(BaseModel):
    """How the fields are varied: side of the crop in pixels, size and stain jitter, share of crops around a cell.

    Of the crops around cells, a place that a person corrected gets ``corrected`` times as many as a usual cell, and a
    corrected cell its own besides.
    """

    model_config = ConfigDict(extra="forbid")

    crop: int = Field(320, multiple_of=32)
    scale_jitter: float = Field(0.2, ge=0, lt=1)
    stain_jitter: float = Field(0.2, ge=0, lt=1)
    around_cells: float = Field(0.8, ge=0, le=1)
    balance: float = Field(0.5, ge=0, le=1, description="0 draws cells as they are, 1 every class equally often")
    corrected: float = Field(2.0, ge=0)


class DetectorRecipe(BaseModel):
    """A detector's recipe: what it learns from, its network, its views and its training.

    ``start`` is where its weights come from: ``""`` for random ones, ``"imagenet"`` or a file for the trunk's, or a
    detector's id or folder for all of them. ``frozen_norm`` keeps batch normalization as the start has it.
    """

    model_config = ConfigDict(extra="forbid")

    task: Literal["detector"] = "detector"
    id: str = Field("detector", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = "Detector"
    mpp: float = Field(0.5, gt=0, description="µm/px at which the network looks")
    start: str = ""
    frozen_norm: bool = False
    data: DetectorData
    architecture: Architecture = Architecture()
    views: DetectorViews = DetectorViews()
    distillation: Distillation | None = None
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        how = self.distillation
        if how is None:
            return self
        if how.view != "stain_aug" and not self.data.through:
            raise ValueError(f"distillation.view = {how.view} needs data.through: what makes the student's view")
        if self.start:
            raise ValueError("a student starts from its teacher; leave start out")
        if how.sp and self.training.batch < 2:
            raise ValueError("distillation.sp compares the images of a batch; set training.batch to 2 or more")
        return self
