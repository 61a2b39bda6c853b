"""Weights in safetensors: tensors and nothing else, so that reading a stranger's file runs no code of theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import ModelError

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"

MAX_BYTES = 8 << 30
"""Weights larger than this are not read."""

_HEADER = 4 << 20
"""Names and shapes of a network's tensors take some hundred kB; a header of millions would be read for minutes."""

_BLOCK = 1 << 20


def write_weights(path: Path, state: dict[str, torch.Tensor]) -> str:
    """Write tensors and return the SHA-256 of the file, hex."""
    from safetensors.torch import save_file

    # Copies: safetensors refuses tensors that share memory, as tied weights do.
    save_file({name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}, path)
    return sha256_of(path)


def read_weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """Read tensors, of which the checksum holds.

    Raises
    ------
    ModelError
        The file is not there, is not what it was when its card was written, or holds no tensors or what is no number.
    """
    check_size(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); get the model again.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{path} is not what its card describes: it is damaged or was replaced; get the model again.")
    return _finite(_tensors(data, path), path)


def _tensors(data: bytes, path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(data)
    except (SafetensorError, LookupError, OverflowError, TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(f"{path} holds no weights in safetensors form ({reason}); get the model again.") from error


def _finite(tensors: dict[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors; a network with a single NaN would find nothing anywhere, and say nothing of it."""
    for name, tensor in tensors.items():
        try:
            finite = bool(tensor.isfinite().all())
        except RuntimeError:  # torch cannot say so of every type with eight bits or fewer
            finite = False
        if not finite:
            raise ModelError(
                f"{path} has values in {name!r} that no network computes with (NaN, infinite, or of few bits); get the"
                " model again."
            )
    return tensors


def check_size(path: Path) -> None:
    """Raise ModelError where there are no weights, too many, or fewer bytes than their header announces."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FileNotFoundError(path)  # opening a pipe would wait for ever
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise ModelError(f"The model {path.parent} has no readable {path.name}; get the model again.") from error
    if size > MAX_BYTES:
        raise ModelError(f"{path} is larger than {MAX_BYTES >> 30} GiB; this is no model for this program.")
    if header > _HEADER and header <= size - 8:
        raise ModelError(f"{path} names more tensors than any network has; get the model again.")
    if size < 8 or header > size - 8:
        raise ModelError(f"{path} is torn: {size} bytes are there, its header alone needs more; get the model again.")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
