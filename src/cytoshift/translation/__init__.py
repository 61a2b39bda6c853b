"""Domain translation: a slide of one laboratory as another laboratory's scanner would show it."""

from cytoshift.translation.domains import DomainFields
from cytoshift.translation.generator import Generator, GeneratorPlan
from cytoshift.translation.operator import Translator
from cytoshift.translation.plain import PlainTiles
from cytoshift.translation.recipe import TranslationRecipe, TranslatorArchitecture
from cytoshift.translation.turbo import TurboTranslator

__all__ = [
    "DomainFields",
    "Generator",
    "GeneratorPlan",
    "PlainTiles",
    "TranslationRecipe",
    "Translator",
    "TranslatorArchitecture",
    "TurboTranslator",
]
