"""Training translators: every method runs, resumes where it was left, and moves in the right direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from cytoshift.training.domains import Domain
from cytoshift.translation.crops import as_images, as_tensor, scaled
from cytoshift.translation.discriminator import Critic
from cytoshift.translation.generator import Generator
from cytoshift.translation.pool import ImagePool
from cytoshift.translation.recipe import TranslationRecipe
from cytoshift.translation.train import LEARNING, TrainedTranslator, train_translator

METHODS = ("unsb", "cut", "fastcut", "cyclegan", "not")


class Go:
    """Lets a training run, or stops it early after so many looks."""

    def __init__(self, looks: int | None = None) -> None:
        self.looks = looks

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        if self.looks is None:
            return "run"
        self.looks -= 1
        return "stop_early" if self.looks < 0 else "run"


def textured(seed: int, tint: tuple[float, float, float]) -> npt.NDArray[np.uint8]:
    """Draw a smooth texture in one tint."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12), dtype=np.uint8)).resize((96, 96), Image.Resampling.BICUBIC)
    grey = np.asarray(coarse, float)[..., None] / 255
    return (np.array(tint) * (0.4 + 0.6 * grey) * 255).astype(np.uint8)


def domain(tint: tuple[float, float, float], seed: int) -> Domain:
    images = [textured(seed + place, tint) for place in range(4)]
    return Domain("drawn", images, [np.ones(image.shape[:2], np.bool_) for image in images])


def recipe(method: str, **changes: Any) -> TranslationRecipe:
    plan = {"arch": "timecond" if method == "unsb" else "plain", "width": 4, "blocks": 2, "mapping": 0}
    noise = changes.pop("noise", 0.0)
    if noise:
        plan["inputs"] = 4
    return TranslationRecipe.model_validate(
        {
            "source": {"path": "a"},
            "target": {"path": "b"},
            "mpp": 0.5,
            "crop": 32,
            "rehearsal": 2,
            "architecture": {
                "method": method,
                "generator": plan,
                "steps": 5 if method == "unsb" else 1,
                "noise": noise,
                "tile": 128,
            },
            "critics": {"width": 4},
            "contrast": {"taps": [0, 1, 2, 3], "places": 16, "width": 8},
            "training": {"steps": 6, "batch": 2, "validate_every": 3, "checkpoint_every": 3, "warmup": 0},
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def drawn_domains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Domains in memory: one reddish, one bluish."""
    drawn = {"a": domain((0.9, 0.5, 0.5), 0), "b": domain((0.4, 0.5, 0.9), 10)}
    monkeypatch.setattr("cytoshift.translation.train.check_apart", lambda source, target: None)
    monkeypatch.setattr("cytoshift.translation.train.read_domain", lambda fields, mpp, size: drawn[fields.path])


def trained(method: str, folder: Path, control: Go | None = None, **changes: Any) -> TrainedTranslator:
    return train_translator(recipe(method, **changes), folder, emit=lambda event: None, control=control or Go())


@pytest.mark.parametrize("method", METHODS)
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(method: str, tmp_path: Path) -> None:
    whole = trained(method, tmp_path / "whole")
    trained(method, tmp_path / "parts", Go(4))
    parts = trained(method, tmp_path / "parts")
    assert whole.steps == parts.steps == 6
    for name, tensor in whole.state.items():
        torch.testing.assert_close(parts.state[name], tensor, rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_every_weight_of_the_generator_learns(method: str) -> None:
    drawn = {"a": domain((0.9, 0.5, 0.5), 0), "b": domain((0.4, 0.5, 0.9), 10)}
    learning = LEARNING[method](recipe(method, rehearsal=0), drawn["a"], drawn["b"], show=lambda step, sheet: None)
    assert learning.opponents is not None
    for step in range(4):
        batch = learning.batch(step)
        torch.stack(list(learning.loss(batch).values())).sum().backward()
        opposing = learning.opposing_loss(batch)
        torch.stack(list(opposing.values())).sum().backward()
    still = {name for name, weight in learning.generator.named_parameters() if weight.grad is None}
    assert still == set()
    for opponent in learning.opponents.parameters():
        assert opponent.grad is not None


def test_samples_are_written_and_announced(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    train_translator(recipe("cut"), tmp_path, emit=events.append, control=Go())
    samples = [event for event in events if event["kind"] == "sample"]
    assert [event["step"] for event in samples] == [3, 6]
    with Image.open(tmp_path / samples[-1]["path"]) as sheet:
        assert sheet.size == (6 * 32 + 5 * 4, 2 * 32 + 4)


def test_rehearsal_teaches_to_repeat(tmp_path: Path) -> None:
    losses: list[float] = []
    training = {"steps": 41, "batch": 2, "learning_rate": 2e-3, "warmup": 0, "validate_every": 100}
    train_translator(
        recipe("cut", rehearsal=40, training=training),
        tmp_path,
        emit=lambda event: losses.append(event["repetition"]) if "repetition" in event else None,
        control=Go(),
    )
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


def test_a_translator_takes_on_the_colours_of_the_target(tmp_path: Path) -> None:
    training = {
        "steps": 120, "batch": 2, "learning_rate": 2e-3, "betas": [0.5, 0.999], "warmup": 0, "weight_decay": 0.0,
        "ema_decay": 0.9, "validate_every": 120, "clip_norm": 100.0,
    }  # fmt: skip
    made = trained("cut", tmp_path, rehearsal=40, training=training)
    generator = Generator(made.architecture.generator)
    generator.load_state_dict(made.state)
    source = np.stack(made.source.images)
    with torch.inference_mode():
        seen = as_images(generator(scaled(as_tensor(source), torch.device("cpu"))))
    (red, _, blue), (seen_red, _, seen_blue) = source.mean((0, 1, 2)), seen.mean((0, 1, 2))
    assert red - blue > 50  # the source is reddish, the target bluish
    assert seen_blue - seen_red > 50


def test_a_weak_transport_answers_differently_to_different_noise(tmp_path: Path) -> None:
    made = trained("not", tmp_path, noise=0.1, transport={"draws": 3, "steps": 2})
    assert made.architecture.noise == 0.1
    assert made.state["stem.weight"].shape[1] == 4


def test_the_critic_is_told_the_step_and_sees_patches() -> None:
    critic = Critic(4, timed=True)
    image = torch.rand(1, 3, 256, 256)
    assert critic(image).shape == (1, 1, 30, 30)
    assert not torch.equal(critic(image, 0), critic(image, 4))
    assert Critic(4, 12, timed=True)(torch.rand(1, 12, 64, 64)).shape == (1, 1, 6, 6)


def test_the_pool_hands_out_new_images_until_it_is_full_and_keeps_them_in_the_checkpoint() -> None:
    random = torch.Generator().manual_seed(0)
    pool = ImagePool(3, 4)
    first = torch.arange(3.0)[:, None, None, None].expand(3, 3, 4, 4)
    assert torch.equal(pool.exchange(first, random), first)
    handed = [float(pool.exchange(torch.full((1, 3, 4, 4), 9.0), random).mean()) for _ in range(20)]
    assert {*handed} >= {9.0}
    assert set(handed) & {0.0, 1.0, 2.0}
    again = ImagePool(3, 4)
    again.load_state_dict(pool.state_dict())
    assert torch.equal(again.images, pool.images)
    assert int(again.filled) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": {"method": "cut", "generator": {"arch": "plain"}, "steps": 5}}, "has one step"),
        ({"architecture": {"method": "unsb", "generator": {"arch": "plain"}}}, "needs generator.arch = timecond"),
        ({"architecture": {"method": "unsb", "tile": 128}}, "twice the generator's reach"),
        ({"contrast": {"taps": [0, 40]}}, "contrast.taps must be below"),
        ({"rehearsal": 6}, "rehearsal must be shorter"),
    ],
)
def test_a_recipe_that_does_not_fit_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        recipe("unsb", **changes)
