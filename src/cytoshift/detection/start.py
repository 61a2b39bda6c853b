"""Where a detector's trunk gets its first weights from, when they are not random."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import ResNet18_Weights, ResNet50_Weights

from cytoshift.detection.networks import CellRetinaNet
from cytoshift.errors import DataError
from cytoshift.training.foreign import read_state

IMAGENET = "imagenet"

_PUBLISHED = {"resnet18": ResNet18_Weights.IMAGENET1K_V1, "resnet50": ResNet50_Weights.IMAGENET1K_V2}


def is_trunk(start: str) -> bool:
    """Return whether a recipe's start names weights of a trunk, not a detector."""
    return start == IMAGENET or Path(start).suffix in {".pth", ".pt", ".safetensors"}


def load_trunk(network: CellRetinaNet, start: str, backbone: str) -> None:
    """Put a classification network's weights, as torchvision names them, into a detector's trunk.

    Raises
    ------
    DataError
        They cannot be had or read, or belong to another network.
    ModelError
        A file that ``torch.save`` wrote holds anything but tensors.
    """
    state = _published(backbone) if start == IMAGENET else _file(Path(start))
    trunk = network.backbone.body
    wanted = trunk.state_dict()
    known = {name: value for name, value in state.items() if name in wanted}
    missing = [name for name in wanted if name not in known and not name.endswith("num_batches_tracked")]
    wrong = [name for name, value in known.items() if value.shape != wanted[name].shape]
    if missing or wrong:
        raise DataError(
            f"{start} holds no weights of a {backbone} ({(missing or wrong)[0]} does not fit); choose weights of that"
            " network, or set architecture.backbone."
        )
    trunk.load_state_dict(known, strict=False)


def _published(backbone: str) -> dict[str, Tensor]:
    try:
        state: dict[str, Tensor] = _PUBLISHED[backbone].get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise DataError(
            f"ImageNet's weights of {backbone} cannot be had here ({error}); give a file of them as start, or leave it"
            " out for random weights."
        ) from error
    return state


def _file(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return read_state(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} cannot be read as weights alone; save a network's state_dict and give that."
        ) from error
