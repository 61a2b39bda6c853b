"""An adapter of img2img-turbo and a folder of SD-Turbo, as what a model's card and weights say."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from cytoshift.errors import ModelError
from cytoshift.translation.turbo.adapter import read_adapter
from cytoshift.translation.turbo.architecture import Direction, TurboArchitecture
from cytoshift.translation.turbo.base import check_folder, embed_prompt, fingerprint
from cytoshift.translation.turbo.network import check
from cytoshift.translation.turbo.operator import PROMPT, build_network


def read_turbo(
    folder: str | Path, adapter: str | Path, *, prompt: str = "", direction: Direction = "a2b"
) -> tuple[TurboArchitecture, dict[str, Tensor]]:
    """Read an adapter and try it on SD-Turbo.

    Parameters
    ----------
    folder : path
        SD-Turbo in diffusers' layout. It stays where it is; the card names it.
    adapter : path
        What img2img-turbo's training wrote, for paired or unpaired images.
    prompt : str
        The text that the adapter was taught with.
    direction : str
        ``"a2b"``, or ``"b2a"`` for the way back of an adapter for unpaired images.

    Returns
    -------
    architecture : TurboArchitecture
    state : dict of Tensor
        The adapter's tensors and the prompt's embedding; none of SD-Turbo's.

    Raises
    ------
    ModelError
        The extra is not installed, a part of the folder is missing, or the adapter does not fit.
    """
    folder = Path(folder).resolve()
    check_folder(folder)
    read = read_adapter(adapter, direction)
    architecture = TurboArchitecture(
        folder=str(folder),
        fingerprint=fingerprint(folder),
        prompt=prompt,
        direction=direction,
        unet=read.unet,
        vae=read.vae,
    )
    state = read.tensors | {PROMPT: embed_prompt(folder, prompt)}
    network = build_network(architecture, state)
    try:
        check(network)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelError(
            f"{adapter} does not fit {folder} ({reason}); use the SD-Turbo that it was taught on."
        ) from error
    return architecture, state
