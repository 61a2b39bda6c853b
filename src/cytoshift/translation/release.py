"""Generators that the authors of UNSB, CUT and CycleGAN published, as generators of ours.

UNSB's public code feeds every layer of a block's first half with the block's input, so that only the last of them
counts: its first convolution and everything that knows of the step never reach the output and are never taught. Those
tensors are looked at, and left behind. What is read is the state of ``resnet_9blocks_cond`` (UNSB) and of the
antialiased ``resnet_*blocks`` (CUT, FastCUT, CycleGAN as the code of CUT trains it).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from cytoshift.errors import ModelError
from cytoshift.training.foreign import read_state
from cytoshift.translation.generator import Generator, GeneratorPlan
from cytoshift.translation.recipe import TranslatorArchitecture

Published = Literal["unsb", "cut", "fastcut", "cyclegan"]
"""Whose generator a file holds."""

Pairs = dict[str, str]
"""Names of our modules, and those that the published code gives them."""

_RELEASED = "UNSB's released resnet_9blocks_cond"
_PLAIN = "an antialiased resnet generator of CUT's code"


def read_release(path: str | Path, method: Published) -> tuple[TranslatorArchitecture, dict[str, Tensor]]:
    """Read a published generator.

    Parameters
    ----------
    path : path
        What their training wrote, ``latest_net_G.pth`` say.
    method : str
        ``"unsb"``, ``"cut"``, ``"fastcut"`` or ``"cyclegan"``.

    Returns
    -------
    architecture : TranslatorArchitecture
        With as many blocks and channels as the file has.
    state : dict of Tensor
        For `Generator.load_state_dict`.

    Raises
    ------
    ModelError
        The file holds no tensors, or another network.
    """
    state = read_state(path)
    found, needed = _recognized(state), _RELEASED if method == "unsb" else _PLAIN
    if found != needed:
        raise ModelError(f"{path} holds {found}, and {method} needs {needed}; give that, or say what it is with --as.")
    plan = _plan(state, path, released=method == "unsb")
    pairs = _released(plan) if method == "unsb" else _published(plan)
    ours = _taken(state, pairs, plan, path)
    _check_rest(state, pairs, plan, path)
    steps = 5 if method == "unsb" else 1
    return TranslatorArchitecture(method=method, generator=plan, steps=steps), ours


def _recognized(state: Mapping[str, Tensor]) -> str:
    """Say which of the networks of those programs this is."""
    names = set(state)
    if any(name.startswith("model_res.") for name in names):
        return _RELEASED if "model.7.filt" in names else "a conditional resnet generator without antialiasing"
    if any(".conv_block." in name for name in names):
        if any(name.endswith(".conv_block.6.weight") for name in names):
            return "a resnet generator with dropout"
        return _PLAIN if "model.7.filt" in names else "a resnet generator without antialiasing"
    if any(name.startswith("model.model.") for name in names):
        return "a U-Net"
    if any("modulation" in name for name in names):
        return "a StyleGAN2 network"
    if any(name.startswith(("model_main.", "final_conv.")) for name in names) or "model.0.weight" in names:
        return "a discriminator"
    if any(name.startswith("mlp_") for name in names):
        return "the features' projection"
    return f"a network of tensors such as {min(names)}"


def _plan(state: Mapping[str, Tensor], path: str | Path, *, released: bool) -> GeneratorPlan:
    """Count channels, blocks and layers."""
    stem, head = state.get("model.1.weight"), ".conv_fin.2.weight" if released else ".conv_block.5.weight"
    blocks = sum(name.endswith(head) for name in state)
    layers = sum(name.startswith("z_transform.") and name.endswith(".weight") for name in state)
    if stem is None or stem.ndim != 4 or stem.shape[1] != 3 or not blocks or (released and not layers):
        shape = "none" if stem is None else " x ".join(map(str, stem.shape))
        raise ModelError(
            f"{path} begins with a convolution of {shape} and has {blocks} blocks, and a generator from RGB has "
            "channels x 3 x 7 x 7 and one block or more; import one that was taught on RGB images."
        )
    width = stem.shape[0]
    if width < 4:
        raise ModelError(f"{path} has {width} channels, and 4 or more are needed; import a wider generator.")
    if released:
        return GeneratorPlan(arch="release", width=width, blocks=blocks, mapping=layers - 1)
    return GeneratorPlan(arch="plain", width=width, blocks=blocks)


def _released(plan: GeneratorPlan) -> Pairs:
    pairs = {"stem": "model.1", "down.0": "model.4", "down.1": "model.8"}
    pairs |= {"up.0": "model_upsample.1", "up.1": "model_upsample.5", "head": "model_upsample.9"}
    for k in range(plan.blocks):
        pairs[f"blocks.{k}.scale.affine"] = f"model_res.{k}.adaptive.style_net"
        pairs[f"blocks.{k}.second"] = f"model_res.{k}.conv_fin.2"
    return pairs | {f"mapping.layers.{2 * k}": f"z_transform.{2 * k + 1}" for k in range(plan.mapping + 1)}


def _published(plan: GeneratorPlan) -> Pairs:
    after = 12 + plan.blocks
    pairs = {"stem": "model.1", "down.0": "model.4", "down.1": "model.8"}
    pairs |= {"up.0": f"model.{after + 1}", "up.1": f"model.{after + 5}", "head": f"model.{after + 9}"}
    for k in range(plan.blocks):
        pairs[f"blocks.{k}.first"] = f"model.{12 + k}.conv_block.1"
        pairs[f"blocks.{k}.second"] = f"model.{12 + k}.conv_block.5"
    return pairs


def _taken(state: Mapping[str, Tensor], pairs: Pairs, plan: GeneratorPlan, path: str | Path) -> dict[str, Tensor]:
    """Return our tensors out of theirs, every one of the shape that the plan has."""
    with torch.device("meta"):
        wanted = Generator(plan).state_dict()
    taken = {}
    for name, tensor in wanted.items():
        module, _, kind = name.rpartition(".")
        _check_shape(state, f"{pairs[module]}.{kind}", tuple(tensor.shape), path)
        taken[name] = state[f"{pairs[module]}.{kind}"].clone()
    return taken


def _check_rest(state: Mapping[str, Tensor], pairs: Pairs, plan: GeneratorPlan, path: str | Path) -> None:
    """Look that what is left behind is what we know: blur kernels, and halves of blocks that were never taught."""
    kernels, dead = _kernels(plan), _dead(plan)
    for name, kernel in kernels.items():
        _check_shape(state, name, tuple(kernel.shape), path)
        if not torch.allclose(state[name], kernel, atol=1e-4):
            raise ModelError(f"{path} blurs with other kernels ({name}) than the published code; import that code's.")
    for name, shape in dead.items():
        _check_shape(state, f"{name}.weight", shape, path)
        _check_shape(state, f"{name}.bias", shape[:1], path)
        if state[f"{name}.bias"].any():
            # The published code starts these at 0 and never reaches them; a corrected copy of it does.
            raise ModelError(
                f"{path} was trained by a changed copy of UNSB's code, in which {name} takes part; only what the "
                "published code trained is computed here, so train anew with: cytoshift train."
            )
    known = {f"{module}.{kind}" for module in (*pairs.values(), *dead) for kind in ("weight", "bias")} | set(kernels)
    if strange := min(set(state) - known, default=""):
        raise ModelError(f"{path} holds {strange}, which the published generators do not have; import one of those.")


def _kernels(plan: GeneratorPlan) -> dict[str, Tensor]:
    up = ("model_upsample.0", "model_upsample.4")
    if plan.arch == "plain":
        up = (f"model.{12 + plan.blocks}", f"model.{16 + plan.blocks}")
    width = plan.width
    down, twice = torch.tensor([1.0, 2.0, 1.0]) / 4, torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4  # `twice` fills gaps
    lines = {"model.7": (down, 2), "model.11": (down, 4), up[0]: (twice, 4), up[1]: (twice, 2)}
    return {
        f"{name}.filt": torch.outer(line, line).repeat(times * width, 1, 1, 1) for name, (line, times) in lines.items()
    }


def _dead(plan: GeneratorPlan) -> dict[str, tuple[int, ...]]:
    """Return the layers that the published blocks do not use, with the shapes of their weights."""
    if plan.arch == "plain":
        return {}
    width = 4 * plan.width
    dead: dict[str, tuple[int, ...]] = {"time_embed.0": (width, plan.width), "time_embed.2": (width, width)}
    for k in range(plan.blocks):
        dead[f"model_res.{k}.conv_block.1"] = (width, width, 3, 3)
        dead[f"model_res.{k}.Dense_time"] = (width, width)
        dead[f"model_res.{k}.style"] = (2 * width, width)
    return dead


def _check_shape(state: Mapping[str, Tensor], name: str, shape: tuple[int, ...], path: str | Path) -> None:
    found = tuple(state[name].shape) if name in state else None
    if found != shape:
        has = "is not there" if found is None else "is " + " x ".join(map(str, found))
        raise ModelError(
            f"{path} does not fit together: {name} {has} and must be {' x '.join(map(str, shape))}; import a generator "
            "of the published code, as it was saved."
        )
