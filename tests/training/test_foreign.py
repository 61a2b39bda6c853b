"""Checkpoints of other programs: read in a process that can do little, and refused where they are more than tensors."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from malicious import pickles

from cytoshift.errors import ModelError
from cytoshift.training import foreign, unpickling
from cytoshift.training.foreign import read_checkpoint, read_state


def converted(path: Path) -> int:
    """Convert here what the product converts in another process; return the exit status."""
    with path.open("rb") as given:
        return unpickling.convert(given, io.BytesIO())


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets the program which is run, and gives a file for it."""

    def use(code: str) -> Path:
        program = tmp_path / "reader.py"
        program.write_text(code)
        monkeypatch.setattr(foreign, "READER", program)
        (tmp_path / "model.pt").write_bytes(bytes(1000))
        return tmp_path / "model.pt"

    return use


def test_tensors_and_plain_values_come_back_and_this_process_unpickles_nothing(tmp_path, monkeypatch) -> None:
    whole = {
        "weights": OrderedDict(layer=torch.arange(6.0).reshape(2, 3).t(), half=torch.ones(3).bfloat16()),
        "module.rank": 4,
        "plain": [1.5, "text", None, True, (torch.tensor(7),)],
    }
    torch.save(whole, tmp_path / "model.pt")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened in this process"))
    held = read_checkpoint(tmp_path / "model.pt")
    assert list(held) == list(whole)
    assert torch.equal(held["weights"]["layer"], whole["weights"]["layer"])
    assert held["weights"]["half"].dtype == torch.bfloat16
    assert held["plain"][:4] == [1.5, "text", None, True]
    assert (held["module.rank"], held["plain"][4][0].item()) == (4, 7)
    with pytest.raises(ModelError, match="more than a network's tensors"):
        read_state(tmp_path / "model.pt")


@pytest.mark.parametrize("opcode", pickles(Path("canary")))
def test_a_pickled_program_is_refused(opcode: str, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickles(tmp_path / "canary")[opcode])
    assert converted(tmp_path / "model.pt") == unpickling.NO_TENSORS
    assert not (tmp_path / "canary").exists()


def test_a_whole_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(ModelError, match=r"^\S+ is no checkpoint of tensors alone, .*; save .* and import that\.$"):
        read_checkpoint(tmp_path / "model.pt")


def test_a_pipe_and_a_folder_are_no_checkpoints(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.pt")
    for path in (tmp_path / "model.pt", tmp_path):
        with pytest.raises(ModelError, match="is no file of at most 8 GiB"):
            read_checkpoint(path)


def test_torchscript_is_a_program(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises against TorchScript
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "code.pt")
    assert converted(tmp_path / "code.pt") == unpickling.A_PROGRAM
    assert "is a program (TorchScript" in foreign._verdict(unpickling.A_PROGRAM)
    torch.save({"weight": torch.zeros(1)}, tmp_path / "code.pt")  # whose archive's folder is called code
    assert converted(tmp_path / "code.pt") == 0


@pytest.mark.parametrize(
    "held",
    [
        {1: torch.zeros(1)},
        {"sparse": torch.eye(3).to_sparse()},
        {"complex": torch.zeros(2, dtype=torch.complex64)},
        {"table": {"inner": {2: "x"}}},
    ],
)
def test_what_has_no_place_in_a_model_is_refused(held, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "model.pt")
    assert converted(tmp_path / "model.pt") == unpickling.NO_TENSORS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory reliably")
def test_a_tensor_of_terabytes_in_a_small_file_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1).expand(1 << 40)}, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").stat().st_size < 5000
    with pytest.raises(ModelError, match="asks for more memory than a file of its size may"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import time; time.sleep(600)", "was not read to its end in 1 s"),
        ("import os; os.kill(os.getpid(), 9)", "brought down the process that read it"),
        ("raise MemoryError", "brought down the process that read it"),
        ("", "What was read of"),
        ("print('x' * 100)", "What was read of"),
    ],
)
def test_a_process_that_hangs_dies_or_talks_nonsense(code: str, words: str, reader, monkeypatch) -> None:
    monkeypatch.setattr(foreign, "WAIT", 1.0)
    with pytest.raises(ModelError, match=words):
        read_checkpoint(reader(code))


LIMITED = """
import importlib.util, json, os, socket, sys
spec = importlib.util.spec_from_file_location("unpickling", {path!r})
unpickling = importlib.util.module_from_spec(spec)
spec.loader.exec_module(unpickling)
unpickling._leave_network()
unpickling._limit(1000)
facts = dict(environment=sorted(os.environ), files=os.listdir(), places=json.loads(sys.argv[1]))
def attempt(name, act):
    try:
        act()
        facts[name] = "done"
    except (OSError, MemoryError) as error:
        facts[name] = type(error).__name__
attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), 5))
attempt("memory", lambda: bytearray(3 << 30))
attempt("room", lambda: open({big!r}, "wb").write(bytes(200 << 20)))
open({told!r}, "w").write(json.dumps(facts))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
def test_the_process_has_little_to_lose(reader, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", "token")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        about = {"path": unpickling.__file__, "port": server.getsockname()[1]}
        file = reader(LIMITED.format(**about, big=str(tmp_path / "big"), told=str(tmp_path / "told")))
        with pytest.raises(ModelError, match="What was read of"):
            read_checkpoint(file)
    facts = json.loads((tmp_path / "told").read_text())
    assert "SECRET" not in facts["environment"]
    assert "HOME" not in facts["environment"]
    assert facts["files"] == []
    assert (facts["memory"], facts["room"]) == ("MemoryError", "OSError")
    assert not list(tmp_path.glob("cytoshift-*"))
    if facts["network"] == "done":
        pytest.skip("this system lets no process give up the network without extra rights")
