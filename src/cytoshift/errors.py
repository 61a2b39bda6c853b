"""The errors a user can cause: each says in one sentence what is wrong and what to do next."""


class CytoshiftError(Exception):
    """Base of every error a user can cause.

    The message is one sentence a person can act on: it names the thing, says what is wrong with it and what to
    do next. The terminal prints it and exits with status 2; the window shows it as a notification.
    """


class SlideError(CytoshiftError):
    """A slide cannot be opened, read or written."""


class DataError(CytoshiftError):
    """A data set (COCO file, table, image folder) cannot be used."""


class ModelError(CytoshiftError):
    """A model cannot be loaded, or is of another task."""


class RecipeError(CytoshiftError):
    """A recipe or a job specification is not valid."""


class StudyError(CytoshiftError):
    """A study cannot be opened or written."""


class ReportError(CytoshiftError):
    """A report cannot be written."""


class DiskFull(CytoshiftError):
    """A disk has too little room for what is to be written; nothing of it was."""


class Paused(CytoshiftError):
    """The user asked to go on another time."""


class Cancelled(CytoshiftError):
    """The user asked to stop; what was finished is kept."""
