"""A slide's identity: a fingerprint of its content that survives renaming and moving.

Slides have gigabytes, and a study must recognise one within an instant also on a network drive: so the fingerprint
takes the sizes of all files and a few blocks of each, spread evenly, first and last included.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

BLOCK = 16 << 10
"""Bytes per sampled block."""

_BLOCKS = 24
_MANY = 8
_FEW = 2


def fingerprint(parts: Iterable[tuple[str, Path]]) -> str:
    """Return 32 hexadecimal digits for the files of a slide.

    Parameters
    ----------
    parts : iterable of (str, Path)
        Every file with a name that does not depend on where it lies; the order does not matter. A file that is not
        there counts as absent (chunks of empty glass are not stored).
    """
    listed = list(parts)
    blocks = _BLOCKS if len(listed) <= _MANY else _FEW
    digests = sorted(_digest(name, path, blocks) for name, path in listed)
    return hashlib.blake2b(b"".join(digests), digest_size=16).hexdigest()


def _digest(name: str, path: Path, blocks: int) -> bytes:
    digest = hashlib.blake2b(name.encode(), digest_size=16)
    try:
        stream = path.open("rb", buffering=0)
    except (FileNotFoundError, NotADirectoryError):
        digest.update(b"absent")
        return digest.digest()
    with stream:
        size = os.fstat(stream.fileno()).st_size
        digest.update(size.to_bytes(8, "little"))
        for offset in _offsets(size, blocks):
            stream.seek(offset)
            digest.update(stream.read(BLOCK))
    return digest.digest()


def _offsets(size: int, blocks: int) -> list[int]:
    if size <= BLOCK * blocks:
        return list(range(0, size, BLOCK))
    return [(size - BLOCK) * k // (blocks - 1) for k in range(blocks)]
