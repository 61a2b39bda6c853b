"""SD-Turbo as a user has it on the disk, in diffusers' layout. Nothing is ever downloaded, no pickle is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cytoshift.errors import ModelError

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
"""Folders of a model in diffusers' layout."""

_ENDS = 1 << 20


@dataclass(frozen=True)
class Base:
    """SD-Turbo's networks.

    Parameters
    ----------
    unet, vae : Module
        diffusers' ``UNet2DConditionModel`` and ``AutoencoderKL``.
    last : int
        Index of the schedule's last step, the only one that is taken.
    signal : float
        Share of the variance that is the image, and not noise, at that step.
    prediction : str
        What the UNet predicts: ``"epsilon"``, ``"v_prediction"`` or ``"sample"``.
    """

    unet: Any
    vae: Any
    last: int
    signal: float
    prediction: str


def load_base(folder: Path) -> Base:
    """Load UNet, VAE and schedule; ModelError where the extra is not installed or a part cannot be read."""
    check_folder(folder)
    with _extra(folder):
        from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel

        scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True)
        return Base(
            unet=UNet2DConditionModel.from_pretrained(folder, subfolder="unet", **_how(folder / "unet")).float(),
            vae=AutoencoderKL.from_pretrained(folder, subfolder="vae", **_how(folder / "vae")).float(),
            last=scheduler.config.num_train_timesteps - 1,
            signal=float(scheduler.alphas_cumprod[-1]),
            prediction=scheduler.config.prediction_type,
        )


def embed_prompt(folder: Path, prompt: str) -> Tensor:
    """Return the embedding of a prompt, ``(1, tokens, channels)``; ModelError as `load_base`."""
    check_folder(folder)
    with _extra(folder), torch.inference_mode():
        from transformers import CLIPTextModel, CLIPTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        tokenizer = CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True)
        encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", **_how(folder / "text_encoder"))
        length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        tokens = tokenizer(prompt, max_length=length, padding="max_length", truncation=True, return_tensors="pt")
        embedded: Tensor = encoder.float().eval()(tokens.input_ids)[0]
        return embedded.clone()


def check_folder(folder: Path) -> None:
    """Raise ModelError where a part is not there."""
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise ModelError(
            f"{folder} has no folder {' and no '.join(missing)}; give the folder of SD-Turbo in diffusers' layout, "
            f"with {', '.join(PARTS)}."
        )


def fingerprint(folder: Path) -> str:
    """Return what changes when other weights are put into a folder: sizes, beginnings and ends of the files used."""
    digest = hashlib.sha256()
    for part in ("unet", "vae", "scheduler"):
        for path in sorted((folder / part).glob("*.json")) + sorted((folder / part).glob("*.safetensors")):
            with path.open("rb") as file:
                digest.update(f"{part}/{path.name} {path.stat().st_size}".encode())
                digest.update(file.read(_ENDS))
                file.seek(max(0, path.stat().st_size - _ENDS))
                digest.update(file.read())
    return digest.hexdigest()


def _how(folder: Path) -> dict[str, Any]:
    """Say how a part is loaded: from here only, tensors only, half precision's files where there are no others."""
    names = {path.name for path in folder.glob("*.safetensors")}
    halves = bool(names) and all(".fp16." in name for name in names)
    return {"local_files_only": True, "use_safetensors": True, "variant": "fp16" if halves else None}


@contextmanager
def _extra(folder: Path) -> Iterator[None]:
    """Turn what these libraries raise into one sentence."""
    try:
        yield
    except ImportError as error:
        raise ModelError(
            "A turbo translator needs diffusers, peft and transformers; install them with: pip install "
            "'napari-cytoshift[turbo]'."
        ) from error
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise ModelError(
            f"{folder} cannot be read as SD-Turbo in diffusers' layout ({reason}); get it again, with weights as "
            "safetensors."
        ) from error
