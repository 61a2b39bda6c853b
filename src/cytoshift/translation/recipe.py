"""The recipe of a translator: from whose slides to whose, by which method, with which networks and losses."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cytoshift.engine.operator import MOST_PIXELS
from cytoshift.training.domain_files import DomainFields
from cytoshift.training.settings import TrainingSettings
from cytoshift.translation.generator import ALIGNMENT, GeneratorPlan

Method = Literal["unsb", "cut", "fastcut", "cyclegan", "not", "turbo"]
"""Unpaired neural Schrödinger bridge; contrastive translation; cycle consistency; neural optimal transport; a user's
SD-Turbo with adapters."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TranslatorArchitecture(_Part):
    """What a translator's card says of its network, and the tiles over which it runs.

    ``steps`` is how often the generator can be asked on the way, 1 for all but the bridge; ``tau`` the bridge's
    variance; ``noise`` the standard deviation of the extra channel that weak optimal transport draws from.
    """

    method: Method = "unsb"
    generator: GeneratorPlan = GeneratorPlan()
    steps: int = Field(5, ge=1, le=1000)
    tau: float = Field(0.01, gt=0)
    noise: float = Field(0.0, ge=0)
    tile: int = Field(512, le=MOST_PIXELS, multiple_of=ALIGNMENT)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tile < 2 * self.generator.halo:
            raise ValueError(f"a tile must be at least {2 * self.generator.halo} px, twice the generator's reach")
        if self.method != "unsb" and self.steps != 1:
            raise ValueError(f"{self.method} has one step; set architecture.steps to 1")
        if (self.method == "unsb") == (self.generator.arch == "plain"):
            raise ValueError(
                f"{self.method} needs generator.arch = " + ("timecond" if self.method == "unsb" else "plain")
            )
        if (self.generator.inputs > 3) != (self.noise > 0):
            raise ValueError("generator.inputs is 4 where architecture.noise is set, and 3 where it is not")
        return self


class Critics(_Part):
    """Discriminators and, for a bridge, the network that measures entropy: channels after the first convolution.

    ``rate`` is their learning rate as a share of the generator's: in short trainings with small batches critics that
    learn as fast soon know more than the generator can answer.
    """

    width: int = Field(64, ge=4)
    rate: float = Field(1.0, gt=0)


class Contrast(_Part):
    """PatchNCE: where features are compared (see `Generator.encode`), at how many places, how sharply."""

    taps: tuple[int, ...] = (0, 1, 2, 3, 7)
    places: int = Field(256, ge=2)
    width: int = Field(256, ge=8)
    temperature: float = Field(0.07, gt=0)


class Weights(_Part):
    """Weights of the losses; those that a method does not have are not looked at.

    ``identity`` asks that the target's own images stay as they are, colours included. CycleGAN has it; UNSB and CUT ask
    it of features alone, and in a short training their colours then wander.
    """

    adversarial: float = 1.0
    contrast: float = 1.0
    entropy: float = 1.0
    cycle: float = 10.0
    identity: float = 0.0
    transport: float = 1.0


class Transport(_Part):
    """Neural optimal transport: generator steps for each step of the potential, and the weak cost's draws.

    ``draws`` above 1 makes the cost weak: the variance over so many draws is rewarded with up to ``spread``, reached
    after ``spread_after`` of the steps.
    """

    steps: int = Field(10, ge=1)
    draws: int = Field(1, ge=1)
    spread: float = Field(0.66, ge=0)
    spread_after: float = Field(0.25, gt=0, le=1)


class TranslationRecipe(_Part):
    """A translator's recipe."""

    task: Literal["translation"] = "translation"
    id: str = Field("translator", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = "Translation"
    mpp: float = Field(0.25, gt=0, description="µm/px at which the generator works")
    parent: str = Field("", description="translator to start from: its id or folder")
    source: DomainFields
    target: DomainFields
    architecture: TranslatorArchitecture = TranslatorArchitecture()
    crop: int = Field(256, multiple_of=ALIGNMENT, ge=32)
    rehearsal: int = Field(0, ge=0, description="first steps, in which the generator only learns to repeat an image")
    critics: Critics = Critics()
    contrast: Contrast = Contrast()
    transport: Transport = Transport()
    weights: Weights = Weights()
    training: TrainingSettings = TrainingSettings()

    @property
    def method(self) -> Method:
        """How the translator is taught."""
        return self.architecture.method

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        if self.method == "turbo":
            raise ValueError("a turbo translator is imported, not trained here")
        contrasted = self.method in ("unsb", "cut", "fastcut")
        if contrasted and max(self.contrast.taps) >= 3 + self.architecture.generator.blocks:
            raise ValueError(f"contrast.taps must be below {3 + self.architecture.generator.blocks}")
        if self.rehearsal >= self.training.steps:
            raise ValueError("rehearsal must be shorter than training.steps")
        return self
