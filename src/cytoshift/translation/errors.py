"""The error of this room that a user can cause."""

from cytoshift.errors import CytoshiftError


class TranslationError(CytoshiftError):
    """A slide cannot be translated."""
