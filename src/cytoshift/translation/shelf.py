"""A bounded shelf of results of one shape: some in memory, more in an unnamed file, each computed by one thread."""

from __future__ import annotations

import math
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from cytoshift.engine.pace import breathe
from cytoshift.translation.errors import TranslationError

T = TypeVar("T", bound=np.generic)

_BREATH = 0.05
"""Seconds after which a thread that waits for another looks whether it still should."""


class Shelf(Generic[T]):
    """Keeps arrays of one shape, the least recently used of them in a file, and forgets those before.

    The file has no name: it is gone with the process, however that ends. It is opened when it is first needed.

    Parameters
    ----------
    shape : tuple of int
    dtype : type
    held : int
        Arrays in memory, at least one.
    filed : int
        Arrays in the file, those in memory that have been there before included.

    Raises
    ------
    TranslationError
        In use, when there is no room for the file.
    """

    def __init__(self, shape: tuple[int, ...], dtype: type[T], *, held: int, filed: int = 0) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._size = math.prod(shape) * self._dtype.itemsize
        self._most, self._most_filed = max(1, held), filed
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, npt.NDArray[T]] = OrderedDict()
        self._slots: OrderedDict[Hashable, int] = OrderedDict()
        self._pending: dict[Hashable, threading.Event] = {}
        self._file: Any = None

    def peek(self, key: Hashable) -> npt.NDArray[T] | None:
        """Return an array if it is kept; never computes, never waits for somebody who does."""
        with self._lock:
            return self._find(key)

    def get(self, key: Hashable, compute: Callable[[], npt.NDArray[T]]) -> npt.NDArray[T]:
        """Return an array, computing it where it is missing.

        Who waits for another thread breathes. What that thread raises reaches nobody else: who still wants the array
        computes it. What `compute` itself takes from shelves must not lead back to `key`.
        """
        while True:
            with self._lock:
                found = self._find(key)
                if found is not None:
                    return found
                others = self._pending.get(key)
                if others is None:
                    mine = self._pending[key] = threading.Event()
                    break
            while not others.wait(_BREATH):
                breathe()
        try:
            made = np.ascontiguousarray(compute(), self._dtype)
            if made.shape != self._shape:
                raise ValueError(f"an array {made.shape} on a shelf for {self._shape}")
            made.flags.writeable = False
            with self._lock:
                self._hold(key, made)
        finally:
            with self._lock:
                del self._pending[key]
            mine.set()
        return made

    def _find(self, key: Hashable) -> npt.NDArray[T] | None:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if key not in self._slots:
            return None
        self._slots.move_to_end(key)
        self._file.seek(self._slots[key] * self._size)
        array = np.frombuffer(self._file.read(self._size), self._dtype).reshape(self._shape)
        self._hold(key, array)
        return array

    def _hold(self, key: Hashable, array: npt.NDArray[T]) -> None:
        self._held[key] = array
        while len(self._held) > self._most:
            self._put_away(*self._held.popitem(last=False))

    def _put_away(self, key: Hashable, array: npt.NDArray[T]) -> None:
        """Write an array into the file, in the place of the least recently used one where the file is full."""
        if not self._most_filed:
            return
        if key not in self._slots:
            full = len(self._slots) >= self._most_filed
            slot = self._slots.popitem(last=False)[1] if full else len(self._slots)
            self._write(slot, array)
            self._slots[key] = slot
        self._slots.move_to_end(key)

    def _write(self, slot: int, array: npt.NDArray[T]) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="cytoshift-")  # noqa: SIM115  (closed with the shelf)
            self._file.seek(slot * self._size)
            self._file.write(array.data)
            self._file.flush()
        except OSError as error:
            self._slots.clear()  # some of them may be half overwritten
            raise TranslationError(
                f"There is no room for what a translation keeps in between in {tempfile.gettempdir()} "
                f"({error.strerror}); free some, or set TMPDIR to a folder with more."
            ) from error

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self._file.close()
