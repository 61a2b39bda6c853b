"""A fingerprint follows the content, not the name; and reads little of a large file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from cytoshift.slides import open_slide
from cytoshift.slides.identity import BLOCK, fingerprint


def test_name_and_place_do_not_count(tmp_path: Path) -> None:
    a, b = tmp_path / "a.png", tmp_path / "folder" / "b"
    b.parent.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save(a)
    b.write_bytes(a.read_bytes())
    assert open_slide(a).info.identity == open_slide(b).info.identity
    assert len(open_slide(a).info.identity) == 32


def test_every_byte_of_a_small_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "file"
    content = bytearray(np.random.default_rng(1).bytes(3 * BLOCK + 17))
    seen = set()
    for position in (0, BLOCK, 2 * BLOCK + 5, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 1
        file.write_bytes(changed)
        seen.add(fingerprint([("", file)]))
    file.write_bytes(content)
    seen.add(fingerprint([("", file)]))
    assert len(seen) == 5


def test_size_head_and_tail_of_a_large_file_count(tmp_path: Path) -> None:
    file = tmp_path / "file"
    size = 1 << 32
    with file.open("wb") as stream:
        stream.truncate(size)  # a hole: takes no room on the disk
    seen = {fingerprint([("", file)])}
    with file.open("r+b") as stream:
        stream.seek(size - 1)
        stream.write(b"x")
    seen.add(fingerprint([("", file)]))
    os.truncate(file, size - 1)
    seen.add(fingerprint([("", file)]))
    assert len(seen) == 3


def test_order_does_not_count_names_and_absence_do(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    assert fingerprint([("a", a), ("b", b)]) == fingerprint([("b", b), ("a", a)])
    assert fingerprint([("a", a), ("b", b)]) != fingerprint([("b", a), ("a", b)])
    assert fingerprint([("a", a), ("b", tmp_path / "missing")]) != fingerprint([("a", a), ("b", b)])
