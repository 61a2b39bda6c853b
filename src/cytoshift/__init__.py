"""Cytopathology across scanners: slides, operators, findings, studies, models and jobs, without a window.

The rooms, from the bottom up: ``slides`` and ``metrics``; ``engine``; ``training``; the methods (``stain``,
``detection``); ``models``; ``study``; ``jobs``; ``cli``. Each imports only from rooms below it.
"""

from cytoshift.errors import (
    Cancelled,
    CytoshiftError,
    DataError,
    ModelError,
    RecipeError,
    SlideError,
    StudyError,
)

__all__ = [
    "Cancelled",
    "CytoshiftError",
    "DataError",
    "ModelError",
    "RecipeError",
    "SlideError",
    "StudyError",
]
