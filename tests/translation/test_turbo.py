"""img2img-turbo over tiles: its own pixels, no seam, and a sentence for what is wrong."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from same_bytes import ArraySlide, assert_same_image, noise
from tiny_turbo import Reference, paired_adapter, unpaired_adapter, write_base

from cytoshift.engine.grid import TileGrid
from cytoshift.engine.view import View
from cytoshift.errors import ModelError
from cytoshift.slides.cache import shared_cache
from cytoshift.translation.errors import TranslationError
from cytoshift.translation.turbo import TurboArchitecture, TurboTranslator, read_turbo
from cytoshift.translation.turbo.blending import Lattice
from cytoshift.translation.turbo.operator import build_network

PROMPT = "a cell"


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    for library in ("diffusers", "peft", "transformers"):
        pytest.importorskip(library, reason=f"the extra turbo is not installed: {library}")
    return write_base(tmp_path_factory.mktemp("turbo") / "sd-turbo")


@pytest.fixture(scope="module")
def paired(base) -> tuple[Path, Reference]:
    reference = Reference(base, PROMPT)
    return paired_adapter(reference, base.parent / "paired.pkl"), reference


@pytest.fixture(scope="module")
def translator(base, paired) -> TurboTranslator:
    architecture, state = read_turbo(base, paired[0], prompt=PROMPT)
    small = architecture.model_copy(update={"side": 64, "overlap": 16})
    return TurboTranslator.from_model(
        architecture=small.model_dump(mode="json"),
        state=state,
        mpp=0.25,
        title="Turbo",
        model_id="turbo",
        version="0" * 64,
        device="cpu",
    )


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 3, 64, 128, generator=torch.Generator().manual_seed(2)) * 2 - 1


def _assert_close(made: torch.Tensor, expected: torch.Tensor) -> None:
    assert expected.abs().mean() < 0.9, "nearly everything is cut off: that would compare nothing"
    torch.testing.assert_close(made, expected, atol=2e-4, rtol=0)


def test_an_adapter_for_pairs_gives_the_same_pixels(base, paired, image):
    path, reference = paired
    architecture, state = read_turbo(base, path, prompt=PROMPT)
    assert (architecture.unet.alpha, architecture.vae.alpha, architecture.unet.rank) == (8.0, 8.0, 2)
    with torch.no_grad():
        made = build_network(architecture, state)(image)
    _assert_close(made, reference(image))
    assert sum(tensor.numel() for tensor in state.values()) < 0.3 * sum(
        parameter.numel() for network in (reference.unet, reference.vae) for parameter in network.parameters()
    )


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")  # the reference has three, as theirs
def test_an_adapter_for_both_ways_gives_the_same_pixels(base, image, tmp_path):
    there = Reference(base, PROMPT)
    back = unpaired_adapter(there, tmp_path / "unpaired.pkl")
    made = {}
    for direction, reference in (("a2b", there), ("b2a", back)):
        architecture, state = read_turbo(base, tmp_path / "unpaired.pkl", prompt=PROMPT, direction=direction)
        assert (architecture.unet.alpha, architecture.direction) == (2.0, direction)
        assert all("lora" in name or "skip_conv" in name or name == "prompt" for name in state)
        with torch.no_grad():
            made[direction] = build_network(architecture, state)(image)
        _assert_close(made[direction], reference(image))
    assert (made["a2b"] - made["b2a"]).abs().max() > 0.05


def test_the_step_follows_what_the_unet_predicts(tmp_path, image):
    for library in ("diffusers", "peft", "transformers"):
        pytest.importorskip(library, reason=f"the extra turbo is not installed: {library}")
    folder = write_base(tmp_path / "v", prediction="v_prediction")
    reference = Reference(folder, PROMPT)
    path = paired_adapter(reference, tmp_path / "paired.pkl")
    with torch.no_grad():
        _assert_close(build_network(*read_turbo(folder, path, prompt=PROMPT))(image), reference(image))


def test_tiles_have_the_same_bytes_wherever_they_are_computed(translator, tmp_path):
    slide = ArraySlide(noise(150, 120), mpp=0.25)
    whole = assert_same_image(slide, translator, tmp_path)
    prepared = translator.prepare(slide)
    view = View.of(slide, prepared.needs)
    grid = view.grid(prepared.needs)
    shared_cache().clear()
    halo = prepared.needs.halo
    for tile in list(grid)[::3]:
        alone = prepared.apply(view.window(grid, tile)[None])[0]
        core = alone[halo : halo + tile.height, halo : halo + tile.width]
        np.testing.assert_array_equal(core, whole[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width])


def test_neighbouring_tiles_share_images(translator, monkeypatch):
    slide = ArraySlide(noise(96, 144, seed=4), mpp=0.25)
    prepared, asked = translator.prepare(slide), []
    monkeypatch.setattr(prepared, "translated", lambda pixels: asked.append(1) or pixels.copy())
    view = View.of(slide, prepared.needs)
    grid = view.grid(prepared.needs)
    for tile in grid:
        prepared.render((tile,), view.window(grid, tile)[None])
    assert len(grid) == 6
    assert len(asked) == (2 + 2) * (3 + 2)


def test_it_travels_without_sd_turbo(translator):
    slide = ArraySlide(noise(60, 60, seed=8), mpp=0.25)
    prepared = translator.prepare(slide)
    packed = pickle.dumps(prepared)
    held = sum(parameter.numel() * 4 for parameter in prepared._network.parameters())
    assert len(packed) < 0.4 * held
    again = pickle.loads(packed)
    assert again.key == prepared.key
    window = noise(again.needs.tile + 2 * again.needs.halo, again.needs.tile + 2 * again.needs.halo)
    np.testing.assert_array_equal(again.apply(window[None]), prepared.apply(window[None]))
    tile = next(iter(TileGrid.of(60, 60, again.needs)))
    np.testing.assert_array_equal(again.render((tile,), window[None]), prepared.apply(window[None]))


def test_one_step_is_all_there_is(translator):
    assert translator.at_steps(1) is translator
    with pytest.raises(TranslationError, match="has one step, not 2"):
        translator.at_steps(2)
    with pytest.raises(TranslationError, match="not a brightfield slide"):
        translator.prepare(ArraySlide(noise(60, 60), mpp=0.25, brightfield=False))
    with pytest.raises(ValueError, match="call prepare first"):
        translator.render((), noise(8, 8)[None])


@pytest.mark.parametrize(("side", "overlap"), [(64, 16), (64, 32), (128, 2)])
def test_what_images_agree_on_stays_as_it_is(side, overlap):
    lattice = Lattice(side, overlap)
    window = noise(lattice.core + 2 * lattice.halo, lattice.core + 2 * lattice.halo)
    inside = slice(lattice.halo, -lattice.halo)
    np.testing.assert_array_equal(lattice.blended(window, lambda row, column, pixels: pixels), window[inside, inside])


def test_a_jump_between_images_becomes_a_slope():
    lattice, rise = Lattice(128, 64), 64
    pixels = np.zeros((lattice.core + 2 * lattice.halo,) * 2 + (3,), np.uint8)
    cores = []
    for place in (0, 1):  # two neighbours of a slide on which every image is brighter than the one before

        def image(row, column, pixels, place=place):
            return np.full_like(pixels, 64 + rise * (place + column))

        cores.append(lattice.blended(pixels, image))
    line = np.concatenate(cores, axis=1).astype(int)[5, :, 0]
    steps = np.diff(line)
    assert steps.min() >= 0
    assert steps.max() <= rise / lattice.overlap + 1
    assert line[lattice.core // 2] == 64
    assert line[lattice.core + lattice.core // 2] == 64 + rise


def _complaint(call) -> str:
    with pytest.raises(ModelError) as error:
        call()
    said = str(error.value)
    assert said.endswith((".", "'napari-cytoshift[turbo]'."))
    assert said.count(". ") == 0
    return said


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (tmp_path / part).mkdir()
    monkeypatch.setitem(sys.modules, "diffusers", None)
    plan = {"rank": 1, "alpha": 1}
    architecture = TurboArchitecture(folder=str(tmp_path), fingerprint="", unet=plan, vae=plan)
    assert "napari-cytoshift[turbo]" in _complaint(lambda: build_network(architecture, {}))


def test_a_folder_without_a_part_is_named(base, paired, tmp_path):
    copied = shutil.copytree(base, tmp_path / "copied")
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    said = _complaint(lambda: read_turbo(copied, paired[0], prompt=PROMPT))
    assert "cannot be read as SD-Turbo" in said
    shutil.rmtree(copied / "vae")
    shutil.rmtree(copied / "tokenizer")
    assert "no folder vae and no tokenizer" in _complaint(lambda: read_turbo(copied, paired[0], prompt=PROMPT))


def test_an_adapter_that_does_not_fit_is_named(base, paired, tmp_path):
    path = paired[0]
    wider = write_base(tmp_path / "wider", width=16)
    assert "does not fit" in _complaint(lambda: read_turbo(wider, path, prompt=PROMPT))
    assert "one way" in _complaint(lambda: read_turbo(base, path, prompt=PROMPT, direction="b2a"))
    file = tmp_path / "other.pkl"
    torch.save({"fc.weight": torch.zeros(1)}, file)
    assert "no adapter of img2img-turbo (it holds fc.weight)" in _complaint(lambda: read_turbo(base, file))
    held = torch.load(path, weights_only=True)
    changes = {
        "skips and the decoder": held | {"state_dict_vae": _without(held["state_dict_vae"], "skip_conv_4")},
        "it has no ": held | {"state_dict_vae": _without(held["state_dict_vae"], "conv_out.lora_B")},
        "has no state_dict_vae": {"state_dict_unet": held["state_dict_unet"]},
        "has no ranks": held | {"state_dict_unet": {}},
    }
    for name, changed in changes.items():
        torch.save(changed, file)
        assert name in _complaint(lambda: read_turbo(base, file, prompt=PROMPT))


def _without(state, part):
    return {name: tensor for name, tensor in state.items() if part not in name}


def test_other_weights_in_the_folder_are_noticed(base, paired, tmp_path):
    copied = shutil.copytree(base, tmp_path / "copied")
    architecture, state = read_turbo(copied, paired[0], prompt=PROMPT)
    shutil.rmtree(copied)
    write_base(copied, seed=7)
    assert "other weights" in _complaint(lambda: build_network(architecture, state))
