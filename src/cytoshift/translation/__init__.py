"""Domain translation: a slide of one laboratory as another laboratory's scanner would show it.

Nothing here imports torch before it is needed: an audit compares pictures without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytoshift.translation.audit import Audit, audit_pair, audit_slide
    from cytoshift.translation.generator import Generator, GeneratorPlan
    from cytoshift.translation.operator import Translator
    from cytoshift.translation.plain import PlainTiles
    from cytoshift.translation.recipe import TranslationRecipe, TranslatorArchitecture
    from cytoshift.translation.turbo import TurboTranslator

_HOMES = {
    "audit": ("Audit", "audit_pair", "audit_slide"),
    "generator": ("Generator", "GeneratorPlan"),
    "operator": ("Translator",),
    "plain": ("PlainTiles",),
    "recipe": ("TranslationRecipe", "TranslatorArchitecture"),
    "turbo": ("TurboTranslator",),
}

__all__ = [
    "Audit",
    "Generator",
    "GeneratorPlan",
    "PlainTiles",
    "TranslationRecipe",
    "Translator",
    "TranslatorArchitecture",
    "TurboTranslator",
    "audit_pair",
    "audit_slide",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"cytoshift.translation.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
