"""How far the slides of a job are from a model's home, as they are and through something that changes colours."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from statistics import median

from cytoshift.engine.operator import ImageOperator
from cytoshift.models.domain import Domain
from cytoshift.models.gauge import distance
from cytoshift.stain import StainError
from cytoshift.training.domain_files import DomainFile

LOOKED_AT = 8
"""Files that are looked at, at most, evenly among them."""


def how_far(domain: Domain, files: Sequence[DomainFile], through: ImageOperator | None = None) -> float | None:
    """Return the distance by colour of the median file from a domain; None where none shows enough tissue.

    Parameters
    ----------
    domain : Domain
        Of a model's card; 1 is its own median field, see `cytoshift.models.gauge.distance`.
    files : sequence of DomainFile
    through : ImageOperator, optional
        What they are seen through.

    Raises
    ------
    SlideError
        A file cannot be read, or does not say its µm/px.
    """
    found = []
    for file in files[:: -(-len(files) // LOOKED_AT)]:
        with closing(file.open()) as slide:
            try:
                found.append(distance(domain, slide, through=through).colour)
            except StainError:  # a field without tissue says nothing
                continue
    return median(found) if found else None
