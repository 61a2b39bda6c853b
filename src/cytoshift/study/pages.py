"""The rows that are still in a damaged SQLite file, found page by page.

Source: "Database File Format" (sqlite.org/fileformat2.html), sections 1.3 to 1.6, 2.1 and 4. Only leaves of tables are
read, wherever they lie: no other page is needed to find them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

Value = None | int | float | str | bytes

PAGE = 4096
"""Bytes of a page, where the head of the file does not say."""

_LEAF = 0x0D
_HEAD, _FRAME_HEAD = 32, 24
_WORD = 0xFFFFFFFF


class Row(NamedTuple):
    """A row of some table: its number there, and its columns."""

    number: int
    values: tuple[Value, ...]


class Pages:
    """The pages of a database, with those that its write-ahead log holds in place of older ones.

    Parameters
    ----------
    data : bytes
        The file, as much of it as is left.
    log : bytes
        The file that ends in ``-wal``, as much of it as is left; empty where there is none.
    """

    def __init__(self, data: bytes, log: bytes = b"") -> None:
        size, reserved = _page_size(data)
        self._data, self._size = data, size
        self._usable = size - reserved
        self._newer = _committed(log, size)

    def rows(self) -> Iterator[Row]:
        """Yield every row of every table that is there as a whole, in the order of the pages."""
        for number in range(1, max(-(-len(self._data) // self._size), *self._newer, 0) + 1):
            page = self._page(number)
            start = 100 if number == 1 else 0
            if len(page) < start + 8 or page[start] != _LEAF:
                continue
            first = start + 8 + 2 * int.from_bytes(page[start + 3 : start + 5], "big")
            for pointer in range(start + 8, min(first, len(page) - 1), 2):
                at = int.from_bytes(page[pointer : pointer + 2], "big")
                row = self._row(page, at) if at >= first else None
                if row is not None:
                    yield row

    def _page(self, number: int) -> bytes:
        start = (number - 1) * self._size
        return self._newer.get(number, self._data[start : start + self._size])

    def _row(self, page: bytes, at: int) -> Row | None:
        """Return the row that begins at a place of a leaf; None where some of it is missing or makes no sense."""
        try:
            length, at = _varint(page, at)
            number, at = _varint(page, at)
            return Row(number, _values(self._payload(page, at, length)))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, length: int) -> bytes:
        """Return the bytes of a row; what is too long for its leaf goes on in a chain of other pages."""
        here = length
        if length > self._usable - 35:
            least = (self._usable - 12) * 32 // 255 - 23
            here = least + (length - least) % (self._usable - 4)
            here = here if here <= self._usable - 35 else least
        parts, left = [page[at : at + here]], length - here
        following = page[at + here : at + here + 4]
        while left > 0:
            number = int.from_bytes(following, "big")
            chained = self._page(number) if number else b""
            part = chained[4 : min(self._usable, 4 + left)]
            if not part:
                raise ValueError("the chain is broken")
            parts.append(part)
            left -= len(part)
            following = chained[:4]
        whole = b"".join(parts)
        if len(whole) != length:
            raise ValueError("the row is torn")
        return whole


def _page_size(data: bytes) -> tuple[int, int]:
    """Return the bytes of a page, and how many at its end are not used."""
    size = int.from_bytes(data[16:18], "big") if data.startswith(b"SQLite format 3\0") and len(data) > 20 else PAGE
    size = 1 << 16 if size == 1 else size
    if size < 512 or size & (size - 1):
        return PAGE, 0
    return size, data[20] if data.startswith(b"SQLite format 3\0") and len(data) > 20 else 0


def _committed(log: bytes, size: int) -> dict[int, bytes]:
    """Return the pages of the transactions that a write-ahead log holds as a whole, the newest of each number."""
    if len(log) < _HEAD or int.from_bytes(log[8:12], "big") != size:
        return {}
    order = ">" if log[3] & 1 else "<"
    sums = _checksum(log[:24], (0, 0), order)
    committed: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    for at in range(_HEAD, len(log) - _FRAME_HEAD - size + 1, _FRAME_HEAD + size):
        head, page = log[at : at + _FRAME_HEAD], log[at + _FRAME_HEAD : at + _FRAME_HEAD + size]
        sums = _checksum(head[:8] + page, sums, order)
        if head[8:16] != log[16:24] or struct.unpack(">2I", head[16:24]) != sums:
            break
        waiting[int.from_bytes(head[:4], "big")] = page
        if head[4:8] != b"\0\0\0\0":  # the last page of a transaction says how many pages there are
            committed |= waiting
            waiting = {}
    return committed


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where the next one begins."""
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _values(payload: bytes) -> tuple[Value, ...]:
    """Return the columns of a row."""
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        length = _length(kind)
        part = payload[at : at + length]
        if len(part) != length:
            raise ValueError("the row is torn")
        values.append(_value(kind, part))
        at += length
    return tuple(values)


def _length(kind: int) -> int:
    return (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]


def _value(kind: int, part: bytes) -> Value:
    if kind >= 12:
        return part.decode() if kind % 2 else part
    if kind == 7:
        number: float = struct.unpack(">d", part)[0]
        return number
    if kind in (8, 9):
        return kind - 8
    return None if kind == 0 else int.from_bytes(part, "big", signed=True)
