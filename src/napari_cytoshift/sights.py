"""How a slide is seen: what a person chose, what came of it, and the references to choose from. No window is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from cytoshift.errors import ModelError
from cytoshift.slides.slide import Slide

if TYPE_CHECKING:
    from cytoshift.engine import ImageOperator
    from cytoshift.engine.derived import DerivedSlide
    from cytoshift.engine.preview import PreviewSlide
    from cytoshift.models import Card, Registry
    from cytoshift.stain import Reference
    from cytoshift.stain.restyling.student import Student

MODEL = "model:"
"""What the name of a method or a reference begins with where it is a model's id that follows."""

BUILT_IN = "built-in:"
"""What the name of a reference begins with where it is one of `BUILT_INS` that follows."""

BUILT_INS = {"papanicolaou": "Papanicolaou, built in", "haematoxylin-eosin": "H&E, built in"}

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a person wants to see a slide.

    Parameters
    ----------
    method : str
        One of `cytoshift.stain.METHODS`, or `MODEL` and the id of a stain model or a translation model.
    reference : str
        Path of an image, a slide or a saved reference; `MODEL` and the id of a model for the colours it was taught
        on; `BUILT_IN` and one of `BUILT_INS`; ``""`` for the one built in that suits the method.
    strength : float
        0 for the original to 1 for all of the method.
    stains : tuple of Vector
        The slide's own stain vectors where a person gave them; empty to have them found.
    steps : int
        How often a translator's generator is asked on the way (NFE); 1 for all else.
    """

    method: str
    reference: str = ""
    strength: float = 1.0
    stains: tuple[Vector, ...] = ()
    steps: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return the choice that `to_json` was called on."""
        stains = tuple((float(r), float(g), float(b)) for r, g, b in kept["stains"])
        steps = int(kept.get("steps", 1))
        return cls(str(kept["method"]), str(kept["reference"]), float(kept["strength"]), stains, steps)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A slide as it is seen now.

    Parameters
    ----------
    choice : Choice
        What was asked for.
    built : ImageOperator
        The method at full strength, not bound to a slide.
    operator : ImageOperator
        The method at its strength, not bound to a slide.
    fitted : ImageOperator
        The method at full strength, fitted to the slide.
    slide : DerivedSlide
        The slide seen through it.
    tissue : float
        Share of the slide that is tissue, on which the fit rests.
    cloud : ndarray of float64, shape (n, 3)
        Optical densities of a sample of stained pixels, for methods that separate stains; empty for others.
    white : tuple of float
        RGB of the slide's glass, against which they are measured.
    student : Student, optional
        A map of colours that comes near a learned method at full strength, fitted on this slide.
    preview : PreviewSlide, optional
        The slide seen through the student, at the strength chosen; shown until tiles of ``slide`` are there.
    draft : DerivedSlide, optional
        The slide seen through the first of several steps, at the strength chosen; shown in between.
    note : str
        What the method had to do to the slide's pixels before it could look at them; ``""`` for nothing.
    """

    choice: Choice
    built: ImageOperator
    operator: ImageOperator
    fitted: ImageOperator
    slide: DerivedSlide
    tissue: float
    cloud: npt.NDArray[np.float64]
    white: Vector
    student: Student | None = None
    preview: PreviewSlide | None = None
    draft: DerivedSlide | None = None
    note: str = ""

    @property
    def stages(self) -> tuple[Slide, ...]:
        """What is shown one after the other, coarse to true; the last one is `slide`."""
        return tuple(one for one in (self.preview, self.draft, self.slide) if one is not None)

    @property
    def steps(self) -> int:
        """What was asked for: the steps."""
        return self.choice.steps

    @property
    def most_steps(self) -> int:
        """Steps that the method takes at most; 1 for all that are no translators."""
        return int(getattr(self.fitted, "most_steps", 1))

    def fits(self, choice: Choice) -> bool:
        """Whether what was found on the slide serves another choice: only strength and steps may be others."""
        return replace(self.choice, strength=choice.strength, steps=choice.steps) == choice

    def steps_at(self, stage: int) -> int:
        """Return how many steps a stage of `stages` has; 0 for a preview, and for less."""
        behind = len(self.stages) - 1 - stage
        if behind == 0:
            return self.steps
        return 1 if behind == 1 and self.draft is not None else 0

    @property
    def method(self) -> str:
        """What was asked for: the method."""
        return self.choice.method

    @property
    def reference(self) -> str:
        """What was asked for: the reference."""
        return self.choice.reference

    @property
    def diagnosis(self) -> str:
        """What is doubtful about the fit in one sentence; ``""`` when it is good."""
        return str(getattr(self.fitted, "diagnosis", ""))

    @property
    def fallback(self) -> str:
        """Name of the method to prefer; ``""`` when the fit can be trusted."""
        return str(getattr(self.fitted, "fallback", ""))

    @property
    def stains(self) -> tuple[Vector, ...]:
        """Stain vectors of the slide, found or given; empty for methods without."""
        return tuple(getattr(self.fitted, "stains", ()))

    @property
    def stain_names(self) -> tuple[str, ...]:
        """Names of `stains`."""
        return tuple(getattr(self.fitted, "stain_names", ()))


def reference(name: str, registry: Registry) -> Reference | None:
    """Return the reference of a choice by its name; None for the one built in.

    Raises
    ------
    StainError, SlideError, ModelError
        When it is not there any more, or cannot be used.
    """
    from cytoshift import stain

    if not name:
        return None
    if name.startswith(BUILT_IN):
        return stain.BUILT_IN[name.removeprefix(BUILT_IN)]
    if not name.startswith(MODEL):
        return stain.open_reference(Path(name))
    wanted = name.removeprefix(MODEL)
    card = next((card for card in at_home(registry.list()) if card.id == wanted), None)
    home = None if card is None or card.domain is None else card.domain.reference
    if home is None:
        raise ModelError(f"The model {wanted} is not here any more; choose another reference.")
    return stain.Reference.from_json(home)


def at_home(cards: Sequence[Card]) -> list[Card]:
    """Return the cards that carry the colours on which their models were taught."""
    return [card for card in cards if card.domain is not None and card.domain.reference is not None]


def measure_region(slide: Slide, box: tuple[float, float, float, float], folder: Path) -> Path:
    """Measure a region as a reference and keep it in a folder; return the file.

    Raises
    ------
    StainError
        When the region shows too little tissue to be a reference.
    """
    from cytoshift import stain

    measured = stain.Reference.measure(slide, box)
    folder.mkdir(parents=True, exist_ok=True)
    stem = Path(slide.name).name.split(".")[0] or "slide"
    number = 1
    while (path := folder / f"{stem}, region {number}.json").exists():
        number += 1
    measured.save(path)
    return path


def save_reference(name: str, registry: Registry, path: Path) -> Path:
    """Write a reference that was chosen by name to a file of its own, for other slides and other computers.

    Raises
    ------
    StainError, SlideError, ModelError
        When it is not there any more, or cannot be used.
    """
    from cytoshift import stain

    wanted = reference(name, registry) or next(iter(stain.BUILT_IN.values()))
    return wanted.save(path)
