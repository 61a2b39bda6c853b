"""The journal of a run: what is finished, safe on disk batch by batch, so that an interrupted run goes on."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cytoshift.durable import new_file
from cytoshift.errors import CytoshiftError

Record = dict[str, npt.NDArray[Any]]

FORMAT = 1
_FRAME = struct.Struct("<II")


class Journal:
    """Records of a run in a folder: ``header.json`` says of which run, ``records.bin`` grows.

    Every record is its length, its CRC-32 and an npz; it is on disk when `append` returns. What a crash left
    half-written at the end is ignored and overwritten. A journal of another run is replaced.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    run : dict
        What identifies the run: anything JSON can hold.

    Raises
    ------
    CytoshiftError
        When the folder cannot be written.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        self._header = json.dumps({"format": FORMAT, **run}, sort_keys=True, indent=1)
        try:
            if not self._continues():
                self._start()
            self.records = list(_records(self._path))
            self._file = open(self._path, "r+b")  # noqa: SIM115 (closed by `close`)
            self._file.truncate(sum(size for size, _ in self.records))
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise CytoshiftError(
                f"The journal {folder} cannot be written ({error.strerror}); choose another place for it."
            ) from error

    @property
    def _path(self) -> Path:
        return self.folder / "records.bin"

    def _continues(self) -> bool:
        try:
            return (self.folder / "header.json").read_text("utf-8") == self._header and self._path.exists()
        except (OSError, UnicodeDecodeError):
            return False

    def _start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "header.json").unlink(missing_ok=True)  # without it there is no journal
        for name, content in (("records.bin", b""), ("header.json", self._header.encode())):
            with new_file(self.folder / name) as file:
                file.write(content)

    def __iter__(self) -> Iterator[Record]:
        return (record for _, record in self.records)

    def append(self, record: Record) -> None:
        """Add a record and wait until it is on disk."""
        frame = _frame(record)
        self._file.write(frame)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Release the file; the journal stays."""
        self._file.close()

    def remove(self) -> None:
        """Delete the journal: the run is complete and stored elsewhere."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _frame(record: Record) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **record)
    payload = buffer.getvalue()
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    """Yield the size of each whole record and what it holds, up to the first torn one."""
    with open(path, "rb") as file:
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            length, checksum = _FRAME.unpack(head)
            payload = file.read(length)
            if len(payload) < length or zlib.crc32(payload) != checksum:
                return
            with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
                yield _FRAME.size + length, dict(arrays)
