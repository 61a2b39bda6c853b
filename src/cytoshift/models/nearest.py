"""Which classical method brings a slide nearest to a model's home, with that home's own colours as its reference."""

from __future__ import annotations

from dataclasses import dataclass

from cytoshift.errors import ModelError
from cytoshift.models.card import Card
from cytoshift.models.gauge import distance
from cytoshift.slides.slide import Slide
from cytoshift.stain import METHODS, Reference, StainError, method


@dataclass(frozen=True, slots=True)
class Ranking:
    """Methods by how near to home they bring a slide.

    Parameters
    ----------
    slide : str
        The slide's name.
    before : float
        Distance as it is, by colour; 1 is the home's median field.
    usual : float
        Up to which a distance is usual.
    methods : tuple of (str, float)
        Names of `cytoshift.stain.METHODS` and the distance through each, the nearest first; those that cannot be fitted
        to the slide are left out.
    """

    slide: str
    before: float
    usual: float
    methods: tuple[tuple[str, float], ...]

    @property
    def best(self) -> str:
        """The nearest method; ``""`` where none brings the slide nearer than it is."""
        return self.methods[0][0] if self.methods and self.methods[0][1] < self.before else ""


def rank_methods(card: Card, slide: Slide) -> Ranking:
    """Rank the classical methods on a slide; a moment each, and nothing is trained.

    Parameters
    ----------
    card : Card
        Of the model, with its training domain.
    slide : Slide
        Calibrated and brightfield.

    Raises
    ------
    ModelError
        The card does not say what the model was taught on.
    SlideError
        The slide has no µm/px, or cannot be read.
    StainError
        There is too little tissue.
    """
    domain = card.domain
    if domain is None or domain.reference is None:
        raise ModelError(f"{card.title} does not say what it was taught on, so no method can aim at that.")
    reference = Reference.from_json(domain.reference)
    before = distance(domain, slide).colour
    ranked = []
    for name in METHODS:
        try:
            ranked.append((name, distance(domain, slide, through=method(name, reference)).colour))
        except StainError:  # it finds no stains here
            continue
    ranked.sort(key=lambda one: one[1])
    return Ranking(slide.name, before, domain.colour.usual[1], tuple(ranked))
