"""A model comes back as it was saved, or with one sentence why it does not."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from cytoshift.errors import ModelError
from cytoshift.models import Card, load_model, save_model


def change_card(model, **fields):
    card = json.loads((model.folder / "card.json").read_text())
    (model.folder / "card.json").write_text(json.dumps({**card, **fields}))


def test_tensors_and_card_come_back(make_model, state):
    saved = make_model()
    again = load_model(saved.folder)
    assert again.card == saved.card
    assert len(again.card.sha256) == 64
    loaded = again.load_state()
    assert loaded.keys() == state.keys()
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
    again.verify()
    assert load_model(saved.folder / "card.json") == load_model(saved.weights) == again


def test_nothing_is_left_when_saving_fails(tmp_path):
    card = Card(id="x", title="x", task="detector")
    with pytest.raises(AttributeError):
        save_model(tmp_path / "model", card, {"weight": "no tensor"})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written to"):
        save_model(tmp_path / "file" / "model", card, {})


def test_a_model_is_never_overwritten(make_model, state):
    model = make_model()
    with pytest.raises(ModelError, match="is there already"):
        save_model(model.folder, model.card, state)
    (model.folder.parent / "empty").mkdir()
    save_model(model.folder.parent / "empty", model.card, state).load_state()


def test_weights_that_changed_are_refused(make_model):
    model = make_model()
    data = bytearray(model.weights.read_bytes())
    data[-1] ^= 1
    model.weights.write_bytes(data)
    with pytest.raises(ModelError, match="not what its card describes"):
        model.load_state()
    with pytest.raises(ModelError, match="not those that its card describes"):
        model.verify()


def test_torn_weights_are_refused_wherever_they_are_torn(make_model):
    model = make_model()
    whole = model.weights.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 30).astype(int).tolist():
        model.weights.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"torn|damaged"):
            load_model(model.folder).load_state()


@pytest.mark.parametrize("fault", ["announced", "pickle", "other"])
def test_weights_of_another_kind_are_refused_whatever_the_card_says(make_model, fault, tmp_path):
    class Payload:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    data = {
        "announced": (1 << 60).to_bytes(8, "little") + b"{}",
        "pickle": pickle.dumps(Payload()),
        "other": (2).to_bytes(8, "little") + b"[]" + b"x" * 20,
    }[fault]
    model = make_model()
    model.weights.write_bytes(data)
    import hashlib

    change_card(model, sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(ModelError, match=r"torn|no weights in safetensors form"):
        load_model(model.folder).load_state()
    assert not (tmp_path / "executed").exists()


def test_missing_weights(make_model):
    model = make_model()
    model.weights.unlink()
    with pytest.raises(ModelError, match=r"has no readable weights\.safetensors"):
        load_model(model.folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "is not valid"),
        ('{"id": "x"}', "title: Field required"),
        ('{"id": "x", "title": "x", "task": "poetry", "sha256": "1"}', "task: Input should be"),
        (
            '{"id": "x", "title": "x", "task": "detector", "sha256": "1", "soul": 1}',
            "field 'soul' that this version does not",
        ),
        ('{"id": "x", "title": "x", "task": "detector"}', "no sha256"),
        (" " * (1 << 20) + "{}", "larger than 1 MB"),
    ],
)
def test_cards_that_are_none(make_model, text, words):
    model = make_model()
    (model.folder / "card.json").write_text(text)
    with pytest.raises(ModelError, match=words):
        load_model(model.folder)


def test_what_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="There is no model at"):
        load_model(tmp_path / "absent")
    with pytest.raises(ModelError, match="is no model of this program"):
        load_model(tmp_path)
    (tmp_path / "model.pt").write_bytes(pickle.dumps({}))
    with pytest.raises(ModelError, match="never opened"):
        load_model(tmp_path / "model.pt")


def test_importing_models_loads_no_torch():
    code = "import sys, cytoshift.models; print({'torch', 'napari', 'safetensors'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
