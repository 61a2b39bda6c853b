"""Breathing: long work in a thread lets whoever asked for it make it wait, or stop, between two of its parts.

A network that computes for seconds calls `breathe` between its layers. Nothing happens, unless somebody up the stack
set with `paced_by` what is to be done then: raise `Cancelled` where nobody wants the result any more, or wait while
the window needs the processors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_pace: ContextVar[Callable[[], None] | None] = ContextVar("cytoshift_pace", default=None)


@contextmanager
def paced_by(look: Callable[[], None]) -> Iterator[None]:
    """Have a function called whenever work in this thread breathes; what it raises ends the work."""
    token = _pace.set(look)
    try:
        yield
    finally:
        _pace.reset(token)


def breathe() -> None:
    """Let whoever asked for this work make it wait, or stop; cheap where nobody does."""
    look = _pace.get()
    if look is not None:
        look()
