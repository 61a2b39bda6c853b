"""Models of this program's form from the Hugging Face Hub: a card and weights, checked as every stranger's are.

huggingface_hub (Apache-2.0) comes with the extra ``hub``. Nothing is asked of the Hub unless a person names a model.
"""

from __future__ import annotations

import re
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import ModelError
from cytoshift.models.model import CARD, LICENCE, Model
from cytoshift.models.weights import MAX_BYTES, WEIGHTS

if TYPE_CHECKING:
    from cytoshift.models.registry import Registry

PREFIX = "hf:"
"""Before the name of a model on the Hub: ``hf:OWNER/NAME``, or ``hf:OWNER/NAME@REVISION``."""

_NAME = re.compile(r"(?P<repo>[\w.-]{1,96}/[\w.-]{1,96})(@(?P<revision>[\w./-]{1,100}))?", re.ASCII)


def import_hub(registry: Registry, reference: str) -> Model:
    """Download a model from the Hugging Face Hub and take it into a registry.

    Of a repository only ``card.json``, ``weights.safetensors`` and ``licence.txt`` are taken, all of one commit.

    Parameters
    ----------
    registry : Registry
    reference : str
        ``hf:OWNER/NAME``, or ``hf:OWNER/NAME@REVISION`` for a branch, tag or commit.

    Raises
    ------
    ModelError
        The extra ``hub`` is not installed, the Hub cannot be reached or has no such model, or it is refused as
        `Registry.add` refuses a folder.
    """
    match = _NAME.fullmatch(reference.removeprefix(PREFIX))
    if match is None:
        raise ModelError(f"'{reference}' names no model on the Hub; give hf:OWNER/NAME or hf:OWNER/NAME@REVISION.")
    if find_spec("huggingface_hub") is None:
        raise ModelError(f"{reference} needs huggingface_hub; install napari-cytoshift[hub].")
    with tempfile.TemporaryDirectory(prefix="cytoshift-hub-") as folder:
        _download(reference, match["repo"], match["revision"], Path(folder))
        return registry.add(folder)


def _download(reference: str, repo: str, revision: str | None, folder: Path) -> None:
    import huggingface_hub as hub
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        about = hub.HfApi().model_info(repo, revision=revision, files_metadata=True)
        for name in _wanted(reference, {entry.rfilename: entry.size or 0 for entry in about.siblings or ()}):
            hub.hf_hub_download(repo, name, revision=about.sha, local_dir=folder)
    except ModelError:
        raise
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"There is no {reference} on the Hugging Face Hub, or it is not open to you; check owner and name."
        ) from error
    except HfHubHTTPError as error:
        status = "no answer" if error.response is None else error.response.status_code
        raise ModelError(
            f"The Hugging Face Hub does not give {reference} ({status}); check name and revision, or try again later."
        ) from error
    except Exception as error:  # each version of huggingface_hub speaks to the net by another library's errors
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        raise ModelError(
            f"{reference} could not be had from the Hugging Face Hub ({reason}); check the connection, or get the model"
            " as a file and import that."
        ) from error


def _wanted(reference: str, sizes: dict[str, int]) -> list[str]:
    """Return the files to take; ModelError where a part is missing, or is larger than any model."""
    if missing := next((name for name in (CARD, WEIGHTS) if name not in sizes), None):
        raise ModelError(
            f"{reference} has no {missing}, so it is no model of this program; networks of other programs are imported"
            " from a file, with --as."
        )
    wanted = [name for name in (CARD, WEIGHTS, LICENCE) if name in sizes]
    if sum(sizes[name] for name in wanted) > MAX_BYTES:
        raise ModelError(f"{reference} is larger than {MAX_BYTES >> 30} GiB; this is no model for this program.")
    return wanted
