"""Whether a model's weights are those of the network that its card describes, asked before it is taken in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cytoshift.models.card import Card
from cytoshift.models.model import Model

if TYPE_CHECKING:
    from torch import nn


def check_fit(model: Model) -> None:
    """Read a model's weights and compare them with its card; nothing is built or run.

    An adapter of SD-Turbo is compared when it is put into the user's copy, which need not be here yet.

    Raises
    ------
    ModelError
        The weights are damaged, hold what is no number, or are those of another network.
    """
    from cytoshift.engine.loading import compare, fitting

    card, state = model.card, model.load_state()
    with fitting(card.id):
        if card.task == "translation" and card.architecture.get("method") == "turbo":
            from cytoshift.translation.turbo import TurboArchitecture

            TurboArchitecture.model_validate(card.architecture)
        else:
            compare(_build(card), state)


def _build(card: Card) -> Callable[[], nn.Module]:
    if card.task == "detector":
        from cytoshift.detection.published import build_detector, read_plan

        return partial(build_detector, read_plan(card.architecture), len(card.classes))
    if card.task == "mitosis":
        from cytoshift.mitosis import published

        return partial(published.build_classifier, published.read_plan(card.architecture))
    if card.task == "stain":
        from cytoshift.stain.restyling.networks import Generator as Restyler
        from cytoshift.stain.restyling.recipe import RestylerArchitecture

        look = RestylerArchitecture.model_validate(card.architecture)
        return partial(Restyler, look.removal.channels, look.widths)
    from cytoshift.translation import Generator, TranslatorArchitecture

    return partial(Generator, TranslatorArchitecture.model_validate(card.architecture).generator)
