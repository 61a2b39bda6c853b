"""Torn and changed models: one sentence each, or a model that still fits; nothing else, and no memory lost."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from malicious import CARD, MODEL, WEIGHTS, Honest

from cytoshift.errors import ModelError
from cytoshift.models import Registry, export_model, load_model
from cytoshift.models.exchange import unpacked
from cytoshift.models.fit import check_fit
from cytoshift.training.checkpoint import read_tensors

CUTS = int(os.environ.get("CYTOSHIFT_CUTS", "10"))
MUTANTS = int(os.environ.get("CYTOSHIFT_MUTANTS", "60"))
BYTES = 256 << 20


class Artifact(NamedTuple):
    """Bytes that a model is read from, and how that is done with other bytes in their place."""

    data: bytes
    read: Callable[[bytes], object]


@pytest.fixture
def artifacts(tmp_path: Path) -> dict[str, Artifact]:
    (tmp_path / "whole").mkdir()
    whole = Honest(tmp_path / "whole", tmp_path / "canary").write()
    file = export_model(load_model(whole), tmp_path / MODEL)
    card = json.loads((whole / CARD).read_text())
    made, torn = tmp_path / "made", tmp_path / f"torn-{MODEL}"
    shutil.copytree(whole, made)

    def weights(data: bytes) -> None:
        """Read weights of which the card says that they are right, so that more than a checksum is asked."""
        (made / WEIGHTS).write_bytes(data)
        (made / CARD).write_text(json.dumps({**card, "sha256": hashlib.sha256(data).hexdigest()}))
        check_fit(load_model(made))

    def read_card(data: bytes) -> None:
        (made / WEIGHTS).write_bytes((whole / WEIGHTS).read_bytes())
        (made / CARD).write_bytes(data)
        check_fit(load_model(made))

    def read_file(data: bytes) -> None:
        torn.write_bytes(data)
        with unpacked(torn) as model:
            check_fit(model)

    def checkpoint(data: bytes) -> None:
        torn.write_bytes(data)
        read_tensors(torn)

    return {
        "model file": Artifact(file.read_bytes(), read_file),
        "weights": Artifact((whole / WEIGHTS).read_bytes(), weights),
        "card": Artifact((whole / CARD).read_bytes().rstrip(), read_card),
        "checkpoint": Artifact((whole / WEIGHTS).read_bytes(), checkpoint),
    }


def outcome(artifact: Artifact, data: bytes) -> str:
    """Return whether bytes were taken or refused in one sentence; anything else is an error."""
    said = ""
    try:
        artifact.read(data)
    except ModelError as error:
        said = str(error)
    if not said:
        return "taken"
    return "refused" if said.endswith(".") and "\n" not in said else f"in many words: {said}"


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """Change bytes, most often near the start, where headers are: some bits, a run of zeros, a loss or a repetition."""
    changed = bytearray(data)
    reach = len(data) if rng.random() < 0.3 else min(len(data), 3000)
    at, run = int(rng.integers(reach)), int(rng.integers(1, 40))
    match rng.integers(5):
        case 0:
            for place in rng.integers(reach, size=run):
                changed[place] ^= 1 << int(rng.integers(8))
        case 1:
            changed[at : at + run] = bytes(len(changed[at : at + run]))
        case 2:
            del changed[at : at + run]
        case 3:
            changed[at:at] = changed[at : at + run]
        case _:
            digits = [place for place, byte in enumerate(changed[:reach]) if chr(byte).isdecimal()]
            for place in rng.choice(digits, min(run, len(digits))):
                changed[place] = ord("0") + int(rng.integers(10))
    return bytes(changed)


KINDS = ("model file", "weights", "card", "checkpoint")


@pytest.mark.parametrize("kind", KINDS)
def test_whole_they_are_taken_and_torn_anywhere_refused(kind: str, artifacts: dict[str, Artifact]) -> None:
    artifact = artifacts[kind]
    assert outcome(artifact, artifact.data) == "taken"
    lengths = np.unique(np.linspace(0, len(artifact.data) - 1, CUTS).astype(int)).tolist()
    outcomes = Counter(outcome(artifact, artifact.data[:length]) for length in lengths)
    print(f"{kind}: {len(lengths)} cuts, {dict(outcomes)}")
    assert outcomes == {"refused": len(lengths)}


@pytest.mark.parametrize("kind", KINDS)
def test_changed_they_are_refused_or_still_fit(kind: str, artifacts: dict[str, Artifact]) -> None:
    artifact, rng = artifacts[kind], np.random.default_rng(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = Counter(outcome(artifact, mutant(artifact.data, rng)) for _ in range(MUTANTS))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(f"{kind}: {MUTANTS} mutants, {dict(outcomes)}, {grown} MB more memory at the peak")
    assert outcomes["refused"] > 0
    assert set(outcomes) <= {"refused", "taken"}
    assert grown << 20 < BYTES


def test_nothing_of_a_torn_file_stays_in_a_registry(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    file = export_model(load_model(Honest(tmp_path / "whole", tmp_path / "canary").write()), tmp_path / MODEL)
    data, registry = file.read_bytes(), Registry(tmp_path / "registry")
    for length in np.linspace(1, len(data) - 1, CUTS).astype(int).tolist():
        file.write_bytes(data[:length])
        with pytest.raises(ModelError):
            registry.add(file)
    assert not (tmp_path / "registry").exists()
