"""The recipe of a restyling: whose colours, from which scanners, with which networks, in which stages."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cytoshift.engine.operator import MOST_PIXELS
from cytoshift.stain.restyling.networks import ALIGNMENT, HALO, STAGES
from cytoshift.stain.restyling.removal import StainRemoval
from cytoshift.training.domain_files import DomainFields
from cytoshift.training.settings import TrainingSettings

Augmentation = Literal["none", "pca", "hsv"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RestylerArchitecture(_Part):
    """The generator, and the tiles over which it runs: origins and halo on multiples of its alignment."""

    widths: tuple[int, ...] = Field((64, 128, 256, 512, 512, 512), min_length=STAGES, max_length=STAGES)
    removal: StainRemoval = StainRemoval()
    tile: int = Field(512, ge=ALIGNMENT, le=MOST_PIXELS, multiple_of=ALIGNMENT)
    halo: int = Field(HALO, ge=HALO, le=MOST_PIXELS, multiple_of=ALIGNMENT)


class Critics(_Part):
    """D1 and D2: channels of their five convolutions."""

    widths: tuple[int, ...] = Field((64, 128, 256, 512, 512), min_length=5, max_length=5)


class Patches(_Part):
    """Patches as they are drawn: side in pixels, and the share of source patches around a labelled cell."""

    size: int = Field(512, multiple_of=ALIGNMENT)
    around_cells: float = Field(0.5, ge=0, le=1)


class Weights(_Part):
    """The weights of the losses in equation (5)."""

    intra: float = 1.0
    inter: float = 1.0
    pixel: float = 100.0
    task: float = 10.0


class Stages(_Part):
    """Steps of the three stages; 0 leaves a stage out. A new scanner needs the second alone."""

    intra: int = Field(0, ge=0)
    inter: int = Field(0, ge=0)
    task: int = Field(0, ge=0)


class TaskRecipe(_Part):
    """The task network T: normal against abnormal cells of the source domain.

    ``patch`` is the side of its view, around the cell; ``grey`` shows it brightness alone, and ``augmentation`` varies
    its colours, the comparators of the paper's Table I.
    """

    trunk: Literal["resnet18", "resnet50"] = "resnet50"
    patch: int = Field(512, ge=32)
    normal: tuple[str, ...] = ("NILM",)
    holdout: float = Field(0.1, gt=0, lt=1)
    grey: bool = False
    augmentation: Augmentation = "none"
    training: TrainingSettings = TrainingSettings()


class RestainRecipe(_Part):
    """A restyling's recipe: its domains, networks, patches, losses and stages."""

    task: Literal["stain"] = "stain"
    id: str = Field("restyling", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = "Restyling"
    mpp: float = Field(0.25, gt=0, description="µm/px at which the generator works")
    parent: str = Field("", description="stain model to start from: its id or folder")
    source: DomainFields
    target: DomainFields
    architecture: RestylerArchitecture = RestylerArchitecture()
    critics: Critics = Critics()
    patches: Patches = Patches()
    weights: Weights = Weights()
    stages: Stages
    task_network: TaskRecipe = TaskRecipe()
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.stages.intra or self.stages.inter or self.stages.task):
            raise ValueError("no stage has any steps; give stages.intra, stages.inter or stages.task")
        if self.stages.inter and round(self.training.batch * self.patches.around_cells) >= self.training.batch:
            raise ValueError("no source patch is drawn anywhere, as D2 needs; lower patches.around_cells")
        if not (self.stages.intra or self.parent):
            raise ValueError("without its first stage a restyling needs a parent to start from; name one in parent")
        if self.stages.task and self.task_network.patch > self.patches.size:
            raise ValueError("task_network.patch must not be larger than patches.size")
        return self
