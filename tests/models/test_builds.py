"""What is sent to workers makes there what is here."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from same_bytes import ArraySlide, noise
from tiny_translator import add_translator

from cytoshift import stain
from cytoshift.engine import Blended, ImageOperator
from cytoshift.errors import ModelError
from cytoshift.models import Registry, build_operator
from cytoshift.models.builds import colours_build


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    return Registry()


def made_there(operator: ImageOperator, slide: ArraySlide, registry: Registry) -> ImageOperator:
    sent = pickle.dumps(colours_build(operator.prepare(slide), registry))
    assert len(sent) < 20_000
    made = pickle.loads(sent)()
    assert isinstance(made, ImageOperator)
    return made.prepare(slide)


def test_a_stain_method_travels(registry):
    slide = ArraySlide(noise(300, 300), mpp=0.25)
    here = Blended(stain.method("white"), 0.5).prepare(slide)
    there = made_there(Blended(stain.method("white"), 0.5), slide, registry)
    tiles = noise(64, 64)[None]
    assert there.key == here.key
    np.testing.assert_array_equal(there.apply(tiles), here.apply(tiles))


def test_a_network_is_made_from_its_model(tmp_path, registry):
    slide = ArraySlide(noise(300, 300), mpp=0.5)
    name = add_translator(tmp_path, "bridge")
    operator = build_operator(registry.find(name, "translation"), steps=2)
    assert isinstance(operator, ImageOperator)
    assert made_there(operator, slide, registry).key == operator.prepare(slide).key
    assert made_there(Blended(operator, 0.5), slide, registry).key == Blended(operator, 0.5).prepare(slide).key


def test_a_model_that_is_not_here_any_more_is_one_sentence(tmp_path, registry):
    name = add_translator(tmp_path, "bridge")
    operator = build_operator(registry.find(name, "translation"))
    assert isinstance(operator, ImageOperator)
    with pytest.raises(ModelError, match="bridge"):
        colours_build(operator, Registry(tmp_path / "none"))
