"""The recipe of a classifier of mitoses: every component of Mix, Align, Distil has a switch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cytoshift.training.settings import TrainingSettings


class MitosisData(BaseModel):
    """What a classifier learns from.

    Attributes
    ----------
    path : str
        A table of patches, or a folder with one; under ``CYTOSHIFT_DATA``, or any path.
    more : tuple of str
        Further tables; a mitosis that several of them have is learnt from once.
    split : str
        Which rows; all with ``""``. Validation slides are taken from among them.
    domains : tuple of str
        Columns whose combinations are the domains that are aligned.
    where : mapping of str to str
        Keep the rows with these values in these columns.
    holdout : float
        Share of the slides by which the best step, the scale of the scores and the threshold are chosen.
    """

    model_config = ConfigDict(extra="forbid")

    path: str
    more: tuple[str, ...] = ()
    split: str = "train"
    domains: tuple[str, ...] = ("scanner",)
    where: dict[str, str] = Field(default_factory=dict)
    holdout: float = Field(0.25, gt=0, lt=1)


class MitosisViews(BaseModel):
    """How patches are varied; the paper lists what and not how much.

    Attributes
    ----------
    view, side : int
        Side in pixels, at the recipe's µm/px, of the middle of a patch that is looked at, and to which it is resized.
    zoom : float
        Views are larger or smaller by up to this share.
    shift : float
        Pixels by which the middle may lie beside the mitosis.
    perspective : float
        Pixels, as a share of the side, by which corners move.
    colour : float
        Strength of brightness, contrast and saturation; hue varies by a quarter of it.
    stain : float
        Strength of the stain jitter.
    artefacts : float
        Chance of each: blur, automatic contrast, sharpness, gamma, posterization, solarization.
    erased : float
        Chance that rectangles are erased.
    balance : float
        0 draws patches as they are, 1 both classes equally often.
    """

    model_config = ConfigDict(extra="forbid")

    view: int = Field(128, ge=32)
    side: int = Field(128, ge=32, multiple_of=32)
    zoom: float = Field(0.2, ge=0, lt=1)
    shift: float = Field(6.0, ge=0)
    perspective: float = Field(0.06, ge=0, lt=0.5)
    colour: float = Field(0.2, ge=0, lt=1)
    stain: float = Field(0.25, ge=0, lt=1)
    artefacts: float = Field(0.1, ge=0, le=1)
    erased: float = Field(0.2, ge=0, le=1)
    balance: float = Field(1.0, ge=0, le=1)


class MitosisRecipe(BaseModel):
    """A classifier's recipe.

    Attributes
    ----------
    mixstyle : float
        α of MixStyle, 0.1 in the paper; 0 leaves it out.
    attention : bool
        Whether CBAM refines the features.
    alignment : float
        Largest weight of the alignment loss, which grows as in DANN; 0 leaves it out.
    distillation : float
        Weight of the distillation from the averaged network, which grows over ``distillation_epochs``; 0 leaves it out.
    phases : float
        Weight of a second head that learns the phase the experts saw, where the table tells it; 0 leaves it out. Not
        in the paper.
    """

    model_config = ConfigDict(extra="forbid")

    task: Literal["mitosis"] = "mitosis"
    id: str = Field("mitosis", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str = "Atypical mitoses"
    mpp: float = Field(0.25, gt=0, description="µm/px of the patches")
    start: str = ""
    data: MitosisData
    mixstyle: float = Field(0.1, ge=0)
    attention: bool = True
    alignment: float = Field(1.0, ge=0)
    distillation: float = Field(0.5, ge=0)
    distillation_epochs: float = Field(10, ge=0)
    phases: float = Field(0.0, ge=0)
    views: MitosisViews = MitosisViews()
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="after")
    def _view_fits(self) -> Self:
        if self.views.side > 2 * self.views.view:
            raise ValueError("views.side is more than twice views.view: there is nothing to see between pixels")
        return self
