"""Model files go out and come in, and nothing else comes in."""

from __future__ import annotations

import pickle
import zipfile

import pytest

from cytoshift.errors import ModelError
from cytoshift.models import export_model


@pytest.fixture
def file(make_model, tmp_path):
    model = make_model()
    (model.folder / "licence.txt").write_text("CC0")
    return export_model(model, tmp_path / "out" / "test.cytoshift-model")


def rewrite(file, change):
    """Write the zip again with its entries, a dict of bytes, changed."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


def test_out_and_in_again(file, registry, state):
    model = registry.add(file)
    assert model.load_state().keys() == state.keys()
    assert (model.folder / "licence.txt").read_text() == "CC0"
    assert (
        registry.export("detector-test", "detector", file.parent / "two.cytoshift-model").stat().st_size
        == file.stat().st_size
    )


def test_a_model_file_is_found_and_taken_in_once(file, registry):
    first = registry.find(file, "detector")
    assert registry.find(file, "detector") == first
    assert [card.id for card in registry.list()] == ["detector-test"]
    with pytest.raises(ModelError, match="is a detector model, and a stain model"):
        registry.find(file, "stain")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "sub/card.json", "evil.pkl", "C:\\evil"])
def test_strange_names_are_refused(file, registry, name):
    rewrite(file, lambda entries: entries.update({name: b"x"}))
    with pytest.raises(ModelError, match="where a model file has one card"):
        registry.add(file)
    assert registry.list() == []


def test_compressed_files_are_refused(file, registry):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", b"0" * 10_000_000)
    with pytest.raises(ModelError, match="is compressed"):
        registry.add(file)


def test_two_entries_of_one_name_are_refused(file, registry):
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("card.json", b"{}")
    with pytest.raises(ModelError, match="where a model file has one card"):
        registry.add(file)


@pytest.mark.parametrize("missing", ["card.json", "weights.safetensors"])
def test_missing_entries_are_named(file, registry, missing):
    rewrite(file, lambda entries: entries.pop(missing))
    with pytest.raises(ModelError, match=r"is no model of this program|has no readable weights"):
        registry.add(file)


def test_changed_weights_are_refused(file, registry):
    rewrite(file, lambda entries: entries.update({"weights.safetensors": entries["weights.safetensors"][:-1] + b"?"}))
    with pytest.raises(ModelError, match="damaged"):
        registry.add(file)


def test_what_is_no_model_file(file, registry):
    whole = file.read_bytes()
    for data in (b"", pickle.dumps({}), whole[: len(whole) // 2], whole[:-1], whole.replace(b"A test", b"B test", 1)):
        file.write_bytes(data)
        with pytest.raises(ModelError, match="is no model file of this program"):
            registry.add(file)
    assert registry.list() == []


def test_damaged_models_are_not_given_out(make_model, tmp_path):
    model = make_model()
    model.weights.write_bytes(model.weights.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="damaged"):
        export_model(model, tmp_path / "x.cytoshift-model")
    assert not (tmp_path / "x.cytoshift-model").exists()
