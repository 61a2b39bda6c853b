"""Putting a stranger's weights into a network of ours: what a card asks for is compared before anything is built."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from cytoshift.engine.compilers import leave_triton_out
from cytoshift.errors import ModelError

Network = TypeVar("Network", bound=nn.Module)


def load_network(build: Callable[[], Network], state: Mapping[str, Tensor]) -> Network:
    """Build a network and give it its weights; ValueError where they are another network's, see `compare`."""
    compare(build, state)
    network = build()
    network.load_state_dict(dict(state))
    return network


def compare(build: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> None:
    """Compare weights with the network that they are meant for, which takes no memory whatever its size.

    Parameters
    ----------
    build : callable
        Makes the network; here on torch's meta device, where tensors have a shape and no content.
    state : mapping of str to Tensor

    Raises
    ------
    ValueError
        A name, a shape or a kind of number (floating or whole) differs.
    """
    leave_triton_out()  # the meta device imports it on its way
    with torch.device("meta"):
        wanted = build().state_dict()
    if differing := min(wanted.keys() ^ state.keys(), default=""):
        raise ValueError(f"{differing} is {'missing' if differing in wanted else 'not part of the network'}")
    for name, tensor in wanted.items():
        found = state[name]
        if found.shape != tensor.shape:
            raise ValueError(f"{name} is {_shape(found)} and must be {_shape(tensor)}")
        if found.is_complex() or found.is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"{name} holds {_kind(found)} and must hold {_kind(tensor)}")


@contextlib.contextmanager
def fitting(model_id: str) -> Iterator[None]:
    """Say of whatever goes wrong in the block that a model's weights do not fit its card.

    Raises
    ------
    ModelError
        In one sentence, with the first reason.
    """
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"The weights of {model_id} do not fit its card ({_reason(error)}); get the model again from where it came."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'architecture'}: {first['msg']}"
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return "".join(letter if letter.isprintable() else "?" for letter in reason)  # names come from a stranger's file


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
