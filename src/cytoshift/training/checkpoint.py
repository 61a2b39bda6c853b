"""Checkpoints without pickle: tensors in safetensors, numbers as JSON in its header; written new and renamed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from cytoshift.durable import new_file
from cytoshift.errors import ModelError
from cytoshift.room import check_room


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a JSON header so that the file is either the old one or the new one, never half.

    Raises
    ------
    DiskFull
        There is too little room; nothing was written.
    """
    check_room(path.parent, sum(tensor.nbytes for tensor in tensors.values()), path.name)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with new_file(path) as file:
        file.write(save(plain, metadata={"header": json.dumps(header)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote; ModelError when the file is torn."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("header", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} is damaged ({error}); delete it to start that training anew.") from error


def pack(networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> dict[str, Tensor]:
    """Flatten the weights of networks and the moments of optimizers into one dictionary, by their names."""
    tensors: dict[str, Tensor] = {}
    for part, network in networks.items():
        tensors |= {f"{part}.{name}": tensor for name, tensor in network.state_dict().items()}
    for part, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"{part}.{index}.{name}"] = torch.as_tensor(value)
    return tensors


def unpack(tensors: dict[str, Tensor], networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]) -> None:
    """Put back what `pack` flattened."""
    groups: dict[str, dict[str, Tensor]] = {part: {} for part in (*networks, *optimizers)}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        groups[part][rest] = tensor
    for part, network in networks.items():
        network.load_state_dict(groups[part])
    for part, optimizer in optimizers.items():
        _put_back(groups[part], optimizer)


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return where torch's own random numbers stand, for networks that draw some while they learn."""
    states = {"random.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["random.cuda"] = torch.cuda.get_rng_state(device)
    return states


def take_random_state(tensors: dict[str, Tensor], device: torch.device) -> None:
    """Take the state that `random_state` gave out of a checkpoint, and go on from there."""
    cpu, cuda = (tensors.pop(f"random.{kind}", None) for kind in ("cpu", "cuda"))
    if cpu is not None:
        torch.set_rng_state(cpu)
    if cuda is not None and device.type == "cuda":
        torch.cuda.set_rng_state(cuda, device)


def _put_back(group: dict[str, Tensor], optimizer: Optimizer) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in group.items():
        index, _, key = name.partition(".")
        moments.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
