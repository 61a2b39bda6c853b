"""Silence for the libraries beneath: what they log or warn about a file is either an error of ours or noise."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NOISY = ("tifffile", "pydicom", "wsidicom", "PIL", "zarr")
_here = threading.local()
_warning_lock = threading.RLock()


def _audible(record: logging.LogRecord) -> bool:
    return not getattr(_here, "quiet", False)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Drop log records that the reading libraries emit in this thread meanwhile."""
    for name in _NOISY:
        logger = logging.getLogger(name)
        if _audible not in logger.filters:
            logger.addFilter(_audible)
    before = getattr(_here, "quiet", False)
    _here.quiet = True
    try:
        yield
    finally:
        _here.quiet = before


@contextmanager
def quiet() -> Iterator[None]:
    """Drop log records and Python warnings meanwhile; for opening, one thread at a time."""
    with quiet_logs(), _warning_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
