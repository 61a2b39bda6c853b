"""Models from the Hugging Face Hub, which here is a folder: what is taken, and what is said of everything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from malicious import ATTACKS, Honest, pickles

from cytoshift.errors import ModelError
from cytoshift.models import Registry
from cytoshift.models.hub import import_hub

hub = pytest.importorskip("huggingface_hub", reason="the extra hub is not installed: huggingface_hub")
COMMIT = "0123456789abcdef"


class Hub:
    """A folder that answers as the Hub does, and remembers what was asked."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.asked: list[tuple[str, ...]] = []
        self.error: Exception | None = None

    def model_info(self, repo: str, *, revision: str | None, files_metadata: bool) -> Any:
        assert files_metadata
        self.asked.append((repo, str(revision)))
        if self.error is not None:
            raise self.error
        assert self.folder is not None
        files = [SimpleNamespace(rfilename=path.name, size=path.lstat().st_size) for path in self.folder.iterdir()]
        return SimpleNamespace(sha=COMMIT, siblings=files)

    def download(self, repo: str, name: str, *, revision: str, local_dir: Path) -> str:
        self.asked.append((repo, revision, name))
        assert self.folder is not None
        return str(shutil.copy(self.folder / name, local_dir / name, follow_symlinks=False))


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr(hub, "HfApi", lambda: made)
    monkeypatch.setattr(hub, "hf_hub_download", made.download)
    return made


@pytest.fixture
def honest(tmp_path: Path) -> Honest:
    (tmp_path / "elsewhere").mkdir()
    return Honest(tmp_path / "elsewhere", tmp_path / "canary")


@pytest.fixture
def home(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def refused(act: Callable[[], object], *words: str) -> None:
    with pytest.raises(ModelError) as error:
        act()
    said = str(error.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert all(word in said for word in words), said


def test_card_and_weights_of_one_commit_are_taken_and_nothing_else(there: Hub, honest: Honest, home: Registry) -> None:
    there.folder = honest.write()
    (there.folder / "pytorch_model.bin").write_bytes(pickles(honest.canary)["REDUCE"])
    (there.folder / "modeling.py").write_text("raise SystemExit")
    assert import_hub(home, "hf:lab/finder@v2").card.id == "theirs"
    asked = [("lab/finder", COMMIT, name) for name in ("card.json", "weights.safetensors")]
    assert there.asked == [("lab/finder", "v2"), *asked]
    assert [card.id for card in home.list("translation")][-1:] == ["theirs"]


@pytest.mark.parametrize(
    "attack", [name for name in ATTACKS if name.startswith(("tensor", "header: of", "card: an id"))]
)
def test_what_a_file_is_refused_for_is_refused_of_the_hub(
    attack: str, there: Hub, honest: Honest, home: Registry
) -> None:
    there.folder = ATTACKS[attack](honest)
    refused(lambda: import_hub(home, "hf:lab/finder"))
    assert not [path for path in home.root.rglob("*") if path.is_file()]


def test_what_is_no_model_there_is_said(there: Hub, honest: Honest, home: Registry, monkeypatch) -> None:
    there.folder = honest.write()
    monkeypatch.setattr("cytoshift.models.hub.MAX_BYTES", 100)
    refused(lambda: import_hub(home, "hf:lab/finder"), "is larger than")
    (there.folder / "weights.safetensors").unlink()
    refused(lambda: import_hub(home, "hf:lab/finder"), "has no weights.safetensors", "--as")
    assert all(len(asked) == 2 for asked in there.asked), "nothing is downloaded of what is refused"
    for name in ("hf:finder", "hf:lab/finder/more", "hf:lab/finder@", "hf:../..@x y", "hf:"):
        refused(lambda name=name: import_hub(home, name), "names no model on the Hub", "hf:OWNER/NAME@REVISION")


def test_no_extra_no_connection_and_no_such_model(there: Hub, home: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    answer: Any = SimpleNamespace(status_code=404, headers={}, request=None)
    for error, words in (
        (ConnectionError("no route to host"), "could not be had from the Hugging Face Hub (no route to host)"),
        (TimeoutError(), "(TimeoutError); check the connection"),
        (OfflineModeIsEnabled("HF_HUB_OFFLINE is set."), "(HF_HUB_OFFLINE is set)"),
        (RepositoryNotFoundError("404", response=answer), "check owner and name"),
        (HfHubHTTPError("404", response=answer), "(404); check name and revision"),
    ):
        there.error = error
        refused(lambda: import_hub(home, "hf:lab/finder"), words)
    monkeypatch.setattr("cytoshift.models.hub.find_spec", lambda name: None)
    refused(lambda: import_hub(home, "hf:lab/finder"), "install napari-cytoshift[hub]")
