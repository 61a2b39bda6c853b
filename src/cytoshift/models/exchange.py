"""One file that carries a model from one computer to another."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cytoshift.durable import new_file
from cytoshift.errors import ModelError
from cytoshift.models.model import CARD, LICENCE, Model, load_model
from cytoshift.models.weights import MAX_BYTES, WEIGHTS

SUFFIX = ".cytoshift-model"

_ALLOWED = {CARD, WEIGHTS, LICENCE}
_BLOCK = 1 << 20


def export_model(model: Model, path: str | Path) -> Path:
    """Write a model to one file, a zip without compression that holds its card, weights and licence.

    Raises
    ------
    ModelError
        The weights are damaged, or the file cannot be written.
    """
    path = Path(path)
    model.verify()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
            for name in (CARD, WEIGHTS, LICENCE):
                if (model.folder / name).is_file():
                    archive.write(model.folder / name, name)
    except OSError as error:
        raise ModelError(f"The model cannot be written to {path} ({error.strerror}); choose another place.") from error
    return path


@contextmanager
def unpacked(path: str | Path) -> Iterator[Model]:
    """Unpack a model file into a folder that is gone when the block ends; the weights are those of the card.

    Raises
    ------
    ModelError
        It is no model file, or holds anything but a card, weights and a licence.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix="cytoshift-model-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, path, Path(folder))
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"{path} is no model file of this program ({error}); files with pickled code, as .pt and .pth are, "
                "are never opened."
            ) from error
        model = load_model(folder)
        model.verify()
        yield model


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    strange = next((name for name in names if name not in _ALLOWED), None)
    if strange is not None or len(set(names)) < len(names):
        raise ModelError(
            f"{path} holds {strange or names[-1]!r} where a model file has one card, weights and a licence; get the "
            "model again."
        )
    if any(stat.S_ISLNK(entry.external_attr >> 16) for entry in entries):
        raise ModelError(f"{path} holds a link to another place, which model files never do; get the model again.")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ModelError(f"{path} is compressed, which model files never are; get the model again.")
    if sum(entry.file_size for entry in entries) > min(MAX_BYTES, path.stat().st_size):
        raise ModelError(f"{path} announces more bytes than it can hold; get the model again.")
    for entry in entries:
        with archive.open(entry) as source, (folder / entry.filename).open("wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
