"""Checkpoints that other programs wrote: read as tensors and plain values, so that no code of theirs ever runs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cytoshift.errors import ModelError

WRAPPERS = ("module.", "_orig_mod.")
"""What running on several GPUs, and compiling, put before the names of tensors."""


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read what ``torch.save`` wrote, as long as it is tensors, numbers and texts by name.

    Raises
    ------
    ModelError
        The file cannot be read, or holds anything else.
    """
    path = Path(path)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(
            f"{path} is no checkpoint of tensors alone, and nothing else is opened; save the network's state_dict() "
            "with torch.save, and import that."
        ) from error
    if not isinstance(held, dict) or not all(isinstance(name, str) for name in held):
        raise ModelError(f"{path} holds no tensors by name; save the network's state_dict(), and import that.")
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
