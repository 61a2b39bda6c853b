"""How the window speaks: one quiet sentence, with the details behind it where there are any."""

from __future__ import annotations

from napari.utils.notifications import notification_manager, show_error, show_info, show_warning

from cytoshift.errors import Cancelled, CytoshiftError


def inform(sentence: str) -> None:
    """Say that something is done."""
    show_info(sentence)


def warn(sentence: str) -> None:
    """Say that something needs a look."""
    show_warning(sentence)


def complain(error: BaseException) -> None:
    """Say what went wrong: one sentence for what a person can mend, the traceback on request for the rest."""
    if isinstance(error, Cancelled):
        return
    if isinstance(error, CytoshiftError):
        show_error(str(error))
        return
    notification_manager.receive_error(type(error), error, error.__traceback__)
