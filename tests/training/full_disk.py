"""A disk that has no room from some write on."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any


class FullDisk:
    """The system, on which every write from a number on finds no room."""

    def __init__(self, last: int) -> None:
        self.left = last

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _write(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def fdopen(self, descriptor: int, mode: str) -> Any:
        file = os.fdopen(descriptor, mode)
        write = file.write

        def half(data: bytes) -> int:
            write(data[: len(data) // 2])
            self._write()
            return write(data[len(data) // 2 :])

        file = Watched(file)
        file.write = half
        return file

    def fsync(self, descriptor: int) -> None:
        self._write()
        os.fsync(descriptor)

    def replace(self, source: Path, destination: Path) -> None:
        self._write()
        os.replace(source, destination)


class Watched:
    """A file whose writing can be replaced."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
