"""JSON read piece by piece, so that a file of a million features needs the memory of one."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from cytoshift.errors import StudyError

MAX_CHARACTERS = 1 << 32
"""A file with more text than this is not read to its end."""

MAX_PIECE = 1 << 26
"""Nor one with a single feature, or anything else that must be in memory at once, of more."""

_CHUNK = 1 << 20
_NEAR = 16  # of the end of what was read: what is wrong so near to it may only be cut off, "-Infin" for example
_SPACE = re.compile(r"[ \t\r\n]*")


class Piece(NamedTuple):
    """A member of the outermost object, or an element of a list among its members.

    A list comes as an empty one first, and its elements after it; those of an outermost list have the key ``""``.
    """

    key: str
    value: Any
    element: bool


def pieces(path: Path, kind: str) -> Iterator[Piece]:
    """Read the outermost object or list of a JSON file, compressed where it is gzip, piece by piece.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be, for the error's words: ``"GeoJSON"``.

    Raises
    ------
    StudyError
        The file is not there, cut off, too large, nested too deeply, or no JSON.
    """
    try:
        with opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig") as text:
            yield from _Reader(text).outermost()
    except RecursionError as error:
        raise StudyError(f"{path} is not {kind} (it is nested too deeply); export it again.") from error
    except (ValueError, EOFError, zlib.error) as error:
        raise StudyError(f"{path} is not {kind} ({error}); export it again.") from error
    except OSError as error:
        raise StudyError(f"{path} cannot be read ({error.strerror or error}); check the path.") from error


def opened(path: Path) -> IO[bytes]:
    """Open a file to be read, decompressing it where its name says that it is compressed."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


class _Reader:
    """A window that slides over the text."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._before = 0
        self._over = False
        self._decode = json.JSONDecoder().raw_decode

    def outermost(self) -> Iterator[Piece]:
        opening = self._peek()
        if opening == "[":
            yield from (Piece("", value, True) for value in self._elements())
        elif opening == "{":
            yield from self._members()
        else:
            raise ValueError("it holds neither an object nor a list")
        if self._peek():
            raise ValueError(f"something follows its end at character {self._before + self._at}")

    def _members(self) -> Iterator[Piece]:
        self._take("{")
        if self._peek() == "}":
            self._take("}")
            return
        while True:
            key = self._value()
            if not isinstance(key, str):
                raise ValueError(f"a name in it is {type(key).__name__}, not text")
            self._take(":")
            if self._peek() == "[":
                yield Piece(key, [], False)
                yield from (Piece(key, value, True) for value in self._elements())
            else:
                yield Piece(key, self._value(), False)
            if self._take(",}") == "}":
                return

    def _elements(self) -> Iterator[Any]:
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            yield self._value()
            if self._take(",]") == "]":
                return

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR
                if self._over or not cut:
                    raise ValueError(f"{error.msg} at character {self._before + error.pos}") from None
            else:
                if end < len(self._text) or self._over:  # a number that ends here may go on
                    self._at = end
                    return value
            self._more()

    def _take(self, allowed: str) -> str:
        found = self._peek()
        if not found or found not in allowed:
            wanted = " or ".join(allowed)
            raise ValueError(f"{wanted} is missing at character {self._before + self._at}")
        self._at += 1
        return found

    def _peek(self) -> str:
        """Skip what is blank and return the next character; ``""`` at the end."""
        while True:
            blank = _SPACE.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text) or self._over:
                return self._text[self._at : self._at + 1]
            self._more()

    def _more(self) -> None:
        rest = self._text[self._at :]
        if len(rest) > MAX_PIECE:
            raise ValueError(f"one piece of it is longer than {MAX_PIECE >> 20} MiB")
        self._before += self._at
        if self._before > MAX_CHARACTERS:
            raise ValueError(f"it holds more than {MAX_CHARACTERS >> 30} GiB of text")
        new = self._file.read(max(_CHUNK, len(rest)))  # as much again: a long piece is not read over and over
        self._over = not new
        self._text, self._at = rest + new, 0
