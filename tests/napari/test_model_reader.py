"""A model file dropped on the window is taken in, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_translator import add_translator

from cytoshift.models import Registry
from napari_cytoshift import notices
from napari_cytoshift.model_reader import get_reader, read
from napari_cytoshift.reader import NO_LAYERS
from napari_cytoshift.workspace import Workspace


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a model file from another computer."""
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "elsewhere"))
    add_translator(tmp_path, "theirs")
    path = Registry().export("theirs", "translation", tmp_path / "theirs.cytoshift-model")
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "here"))
    return path


def test_only_model_files_are_taken(file: Path) -> None:
    assert get_reader(str(file)) is read
    assert get_reader([str(file), "slide.svs"]) is None
    assert get_reader([]) is None


def test_a_model_file_is_imported_and_a_torn_one_refused(
    make_napari_viewer: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(notices, "inform", said.append)
    monkeypatch.setattr(notices, "complain", lambda error: said.append(str(error)))
    viewer = make_napari_viewer()
    workspace, changes = Workspace.of(viewer), []
    workspace.models_changed.connect(lambda: changes.append(1))
    assert read(str(file)) == NO_LAYERS
    assert said == ["Theirs was imported as theirs; choose it in Compare."]
    assert changes == [1]
    assert workspace.registry.find("theirs", "translation").card.title == "Theirs"
    file.write_bytes(file.read_bytes()[:1000])
    assert read([str(file)]) == NO_LAYERS
    assert "is no model file of this program" in said[1]
    assert changes == [1]
