"""What img2img-turbo's training writes, as tensors under the names of diffusers' modules.

A file of CycleGAN-turbo holds low-rank matrices for the UNet, and two VAEs whole, one for each direction; only their
matrices and the convolutions of their skips are taken, the rest is SD-Turbo's. A file of pix2pix-turbo holds matrices,
skips and the UNet's first convolution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cytoshift.errors import ModelError
from cytoshift.training.foreign import read_checkpoint, unwrapped
from cytoshift.translation.turbo.architecture import Direction, Lora

NAME = "turbo"
"""Under which peft keeps the adapter."""

_ALPHA = 8.0
"""peft's weight of low-rank matrices, where the training gave none."""

_MATRIX = re.compile(r"(?P<module>.+)\.lora_(?P<half>[AB])(\.\w+)?\.weight")
_SKIP = re.compile(r"(?P<module>decoder\.skip_conv_\d+)(\.base_layer)?\.weight")
_FIRST = re.compile(r"(?P<module>conv_in)(\.base_layer)?\.(?P<kind>weight|bias)")


@dataclass(frozen=True)
class Adapter:
    """An adapter's tensors and ranks.

    Parameters
    ----------
    tensors : dict of Tensor
        ``unet.MODULE.lora_A`` and ``.lora_B``, ``vae.MODULE...`` alike, ``vae.decoder.skip_conv_1.weight`` and so on,
        and ``unet.conv_in.weight`` where it was taught.
    unet, vae : Lora
    """

    tensors: dict[str, Tensor]
    unet: Lora
    vae: Lora


def read_adapter(path: str | Path, direction: Direction) -> Adapter:
    """Read a file of img2img-turbo; ModelError where it is none."""
    held = read_checkpoint(path)
    if "sd_encoder" in held:
        unet = _named(held, path, "sd_encoder", "sd_decoder", "sd_other")
        prefix = "vae." if direction == "a2b" else "vae_b2a."
        both = _named(held, path, "sd_vae_dec")
        vae = {name.removeprefix(prefix): tensor for name, tensor in both.items() if name.startswith(prefix)}
    elif "state_dict_unet" in held:
        if direction == "b2a":
            raise ModelError(f"{path} is an adapter of pix2pix-turbo, which goes one way; leave the direction out.")
        unet, vae = _named(held, path, "state_dict_unet"), _named(held, path, "state_dict_vae")
    else:
        raise ModelError(
            f"{path} is no adapter of img2img-turbo (it holds {min(held, default='nothing')}); give the .pkl that its "
            "training wrote."
        )
    tensors = _taken("unet", unet, _MATRIX, _FIRST) | _taken("vae", vae, _MATRIX, _SKIP)
    rank = {part: _rank(tensors, part, path) for part in ("unet", "vae")}
    # CycleGAN-turbo weights the UNet's matrices with their rank, everything else with peft's own number.
    alpha = float(rank["unet"]) if "sd_encoder" in held else _ALPHA
    return Adapter(tensors, Lora(rank=rank["unet"], alpha=alpha), Lora(rank=rank["vae"], alpha=_ALPHA))


def _named(held: Mapping[str, Any], path: str | Path, *keys: str) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {}
    for key in keys:
        part = held.get(key)
        if not isinstance(part, Mapping):
            raise ModelError(f"{path} has no {key}; give the whole .pkl that img2img-turbo's training wrote.")
        named |= unwrapped(part)
    return named


def _taken(part: str, named: Mapping[str, Tensor], *patterns: re.Pattern[str]) -> dict[str, Tensor]:
    """Take the tensors that are the adapter's own, without the names that peft gave it."""
    taken = {}
    for name, tensor in named.items():
        for pattern in patterns:
            if match := pattern.fullmatch(name):
                found = match.groupdict()
                last = f"lora_{found['half']}" if "half" in found else found.get("kind", "weight")
                taken[f"{part}.{found['module']}.{last}"] = tensor.float().clone()
    return taken


def _rank(tensors: Mapping[str, Tensor], part: str, path: str | Path) -> int:
    ranks = {t.shape[0] for name, t in tensors.items() if name.startswith(f"{part}.") and name.endswith(".lora_A")}
    if len(ranks) != 1:
        found = " and ".join(map(str, sorted(ranks))) or "no"
        raise ModelError(
            f"{path} has {found} ranks of low-rank matrices for the {part}, and one is needed; give the .pkl that "
            "img2img-turbo's training wrote."
        )
    return int(ranks.pop())


def fit(unet: Any, vae: Any, adapter: Adapter) -> list[nn.Conv2d]:
    """Merge an adapter into SD-Turbo's networks, in place, and return the skips' convolutions, the deepest first.

    Raises
    ------
    ModelError
        The adapter was taught on other networks.
    """
    try:
        skips = _add_skips(vae, adapter.tensors)
        _merge(unet, "unet", adapter.tensors, adapter.unet)
        _merge(vae, "vae", adapter.tensors, adapter.vae)
    except (ValueError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelError(
            f"The adapter does not fit these weights ({reason}); use the SD-Turbo that it was taught on."
        ) from error
    return [vae.decoder.get_submodule(name) for name in skips]


def _add_skips(vae: Any, tensors: Mapping[str, Tensor]) -> list[str]:
    """Add the 1 x 1 convolutions through which the decoder sees the encoder's features."""
    skip = re.compile(r"vae\.decoder\.(skip_conv_\d+)\.weight")
    names = sorted(match[1] for name in tensors if (match := skip.fullmatch(name)))
    if len(names) != len(vae.decoder.up_blocks):
        raise ValueError(f"it has {len(names)} skips and the decoder {len(vae.decoder.up_blocks)} blocks")
    for name in names:
        weight = tensors[f"vae.decoder.{name}.weight"]
        vae.decoder.add_module(name, nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=False))
    return names


def _merge(network: Any, part: str, tensors: Mapping[str, Tensor], lora: Lora) -> None:
    """Put an adapter's tensors in, all of them and each in its place, and add the matrices to the weights."""
    from peft import LoraConfig

    own = {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
    plain = {name: tensor for name, tensor in own.items() if not name.endswith((".lora_A", ".lora_B"))}
    _load(network, plain)
    matrices = {f"{name}.{NAME}.weight": tensor for name, tensor in own.items() if name not in plain}
    modules = sorted({name.rpartition(".lora_")[0] for name in matrices})
    network.add_adapter(LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=modules), adapter_name=NAME)
    missing = [name for name in _load(network, matrices) if ".lora_" in name]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    network.fuse_lora()
    network.unload_lora()


def _load(network: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """Load tensors by name and return the names that were not given."""
    result = network.load_state_dict(dict(tensors), strict=False)
    if result.unexpected_keys:
        raise ValueError(f"there is no {result.unexpected_keys[0]} in the {type(network).__name__}")
    return list(result.missing_keys)
