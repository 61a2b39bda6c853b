"""Files made to do harm are refused in one sentence; nothing of theirs runs, and nothing of them stays."""

from __future__ import annotations

import hashlib
import json
import resource
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from malicious import ATTACKS, MODEL, WEIGHTS, Honest, pickles

from cytoshift.cli import main
from cytoshift.errors import CytoshiftError, ModelError
from cytoshift.models import Registry, build_operator, load_model
from cytoshift.training.checkpoint import read_tensors

PICKLES = list(pickles(Path("canary")))
BYTES = 256 << 20
"""By how much the process may grow while it refuses a file."""


@pytest.fixture
def honest(tmp_path: Path) -> Honest:
    (tmp_path / "from-elsewhere").mkdir()
    return Honest(tmp_path / "from-elsewhere", tmp_path / "canary")


@pytest.fixture
def home(tmp_path: Path, honest: Honest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Yield a registry; afterwards nothing has run, it is empty, no file lies about, and memory did not grow."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "registry"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Registry()
    assert not honest.canary.exists()
    assert [path for path in (tmp_path / "registry").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < BYTES


def refused(act: Callable[[], object]) -> str:
    """Return the sentence with which something is refused."""
    with pytest.raises(CytoshiftError) as error:
        act()
    said = str(error.value)
    assert said.isprintable()
    assert said.endswith(".")
    assert len(said) < 1000
    return said


def command(*arguments: object) -> None:
    """Run a command of the terminal as its error."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    if end.value.code == 2:
        raise ModelError("It was refused.")


def test_the_honest_model_is_taken_in(honest: Honest, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    build_operator(registry.add(honest.write()))
    file = registry.export("theirs", "translation", tmp_path / MODEL)
    assert registry.add(file).card.id == "theirs-2"


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_such_model_is_taken_in(
    attack: str, honest: Honest, home: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of names that it writes twice
        path = ATTACKS[attack](honest)
    refused(lambda: home.add(path))
    refused(lambda: command("models", "import", path))
    said = capfd.readouterr()
    assert said.err.count("\n") == 1
    assert said.out == ""
    if "link" not in attack and "id" not in attack:  # these harm only who copies them
        refused(lambda: build_operator(home.find(path, "translation")))


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name.startswith("header") and " of none" not in name])
def test_no_such_checkpoint_is_read(attack: str, honest: Honest, home: Registry) -> None:
    refused(lambda: read_tensors(ATTACKS[attack](honest) / WEIGHTS))


@pytest.mark.parametrize("opcode", PICKLES)
def test_pickles_are_no_models_under_any_name(
    opcode: str, honest: Honest, home: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    program = pickles(honest.canary)[opcode]
    folder = honest.write(program)
    refused(lambda: home.add(folder))
    refused(lambda: load_model(folder).load_state())
    for name in (MODEL, "model.safetensors", "model.pkl", "checkpoint.safetensors"):
        file = honest.folder / name
        file.write_bytes(program)
        refused(lambda file=file: home.add(file))
        refused(lambda file=file: home.find(file, "detector"))
        refused(lambda file=file: load_model(file))
        refused(lambda file=file: command("models", "import", file))
        refused(lambda file=file: read_tensors(file))
    assert capfd.readouterr().out == ""


def test_a_card_and_its_weights_are_compared_again_when_they_are_used(honest: Honest, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    model = registry.add(honest.write())
    other = pickles(honest.canary)["REDUCE"]
    model.weights.write_bytes(other)
    card = json.loads((model.folder / "card.json").read_text())
    (model.folder / "card.json").write_text(json.dumps({**card, "sha256": hashlib.sha256(other).hexdigest()}))
    refused(lambda: build_operator(registry.find("theirs", "translation")))
    assert not honest.canary.exists()
