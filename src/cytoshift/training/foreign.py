"""Checkpoints that other programs wrote: a process with limits turns them into tensors, and no code of theirs runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from cytoshift.errors import ModelError
from cytoshift.training import unpickling

WRAPPERS = ("module.", "_orig_mod.")
"""What running on several GPUs, and compiling, put before the names of tensors."""

READER = Path(unpickling.__file__)
"""The program that is run."""

WAIT = 300.0
"""Seconds after which it is stopped."""

_MAX_BYTES = 8 << 30
_PASSED_ON = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Without these some systems start no Python."""

_SAVE = "save the network's state_dict() with torch.save, and import that"


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what ``torch.save`` wrote, as long as it is tensors, numbers and texts by name.

    The file is opened in a process of its own, see `cytoshift.training.unpickling`; this one reads what that wrote, as
    safetensors and JSON.

    Raises
    ------
    ModelError
        The file cannot be read, holds anything else, or costs more than a file of its size may.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() and path.stat().st_size <= _MAX_BYTES):
        raise ModelError(f"{path} is no file of at most {_MAX_BYTES >> 30} GiB; {_SAVE}.")
    try:
        with path.open("rb") as given, tempfile.TemporaryFile() as written:
            if verdict := _verdict(_run(given, written)):
                raise ModelError(f"{path} {verdict}; {_SAVE}.")
            written.seek(0)
            data = written.read()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    try:
        held = _held(data)
    except (SafetensorError, LookupError, RecursionError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"What was read of {path} makes no sense; {_SAVE}.") from error
    if not isinstance(held, dict):
        raise ModelError(f"{path} holds no tensors by name; {_SAVE}.")
    return held


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read a network's tensors by name, in float32; ModelError as `read_checkpoint`, or where there are none."""
    held = read_checkpoint(path)
    state = {name: tensor.float() for name, tensor in unwrapped(held).items() if isinstance(tensor, Tensor)}
    if not state or len(state) < len(held):
        raise ModelError(f"{path} holds more than a network's tensors; save the network's state_dict(), import that.")
    return state


def unwrapped(state: Mapping[str, Any]) -> dict[str, Any]:
    """Take off what wrappers put before the names."""
    names = {}
    for name, value in state.items():
        while wrapper := next((before for before in WRAPPERS if name.startswith(before)), ""):
            name = name.removeprefix(wrapper)
        names[name] = value
    return names


def _run(given: IO[bytes], written: IO[bytes]) -> int | None:
    """Run the program from one open file to another; return its exit status, None where it came to no end."""
    places = [place for place in sys.path if os.path.isabs(place)]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="cytoshift-reading-") as empty:
        try:
            return subprocess.run(
                [sys.executable, "-I", str(READER), json.dumps(places)],
                stdin=given,
                stdout=written,
                stderr=subprocess.DEVNULL,
                cwd=empty,
                env=environment | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
                timeout=WAIT,
            ).returncode
        except subprocess.TimeoutExpired:
            return None


def _verdict(status: int | None) -> str:
    """Return what an exit status says of a file; "" where all is well."""
    if status is None:
        return f"was not read to its end in {WAIT:.0f} s"
    known = {
        0: "",
        unpickling.A_PROGRAM: "is a program (TorchScript or its like) and not weights, and no model's code is ever run",
        unpickling.NO_TENSORS: "is no checkpoint of tensors alone, and nothing else is opened",
        unpickling.TOO_MUCH: "asks for more memory than a file of its size may",
    }
    return known.get(status, f"brought down the process that read it (status {status})")


def _held(data: bytes) -> Any:
    """Return what was held, from what the other process wrote."""
    tensors = load(data)
    size = int.from_bytes(data[:8], "little")
    return _restored(json.loads(json.loads(data[8 : 8 + size])["__metadata__"][unpickling.KEY]), tensors)


def _restored(entry: dict[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    ((kind, value),) = entry.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "table":
        return {name: _restored(inner, tensors) for name, inner in value.items()}
    return [_restored(inner, tensors) for inner in value] if kind == "list" else value
