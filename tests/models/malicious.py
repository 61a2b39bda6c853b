"""Model files that somebody made to do harm: each function writes one and returns its path."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from cytoshift.translation import Generator, GeneratorPlan, TranslatorArchitecture

MODEL, CARD, WEIGHTS = "model.cytoshift-model", "card.json", "weights.safetensors"
TIMES = (1980, 1, 1, 0, 0, 0)


class Reduced:
    """Calls a function when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


class Built(Reduced):
    """Has its state set by a function of the attacker's choice when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self.canary),), 0o777, None, None, os.mkdir


def pickles(canary: Path) -> dict[str, bytes]:
    """Return programs for the unpickler, by the opcodes that run them."""
    at = str(canary).encode()
    return {
        "REDUCE": pickle.dumps({"weight": Reduced(canary)}, protocol=0),
        "STACK_GLOBAL": pickle.dumps({"weight": Reduced(canary)}, protocol=4),
        "INST": b"(S'" + at + b"'\nios\nmkdir\n.",
        "OBJ": b"(cos\nmkdir\nS'" + at + b"'\no.",
        "BUILD": b"cos\nmkdir\n(S'" + at + b"'\ntR}S'x'\nS'y'\nsb.",
        "EXT": b"\x80\x02\x82\x01.",
        "NEWOBJ": b"\x80\x02cos\nmkdir\nX" + struct.pack("<I", len(at)) + at + b"\x85\x81.",
        "state setter": pickle.dumps({"weight": Built(canary)}, protocol=4),
    }


@dataclass
class Honest:
    """A small translator, as one would give it away, and where the canary would show that code ran."""

    folder: Path
    canary: Path

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        plan = TranslatorArchitecture(
            method="cut", generator=GeneratorPlan(arch="plain", width=4, blocks=1), steps=1, tile=128
        )
        self.state = Generator(plan.generator).state_dict()
        self.card: dict[str, Any] = {"id": "theirs", "title": "Theirs", "task": "translation", "mpp": 0.25}
        self.card["architecture"] = plan.model_dump(mode="json")

    @property
    def name(self) -> str:
        """Name of one tensor."""
        return "stem.weight"

    def write(self, weights: bytes | None = None, **card: Any) -> Path:
        """Write a folder; the checksum is that of the weights, whatever they are."""
        weights = save(self.state) if weights is None else weights
        made = self.folder / "made"
        made.mkdir()
        (made / WEIGHTS).write_bytes(weights)
        text = json.dumps({**self.card, "sha256": hashlib.sha256(weights).hexdigest(), **card})
        (made / CARD).write_text(text)
        return made

    def with_tensor(self, tensor: torch.Tensor, **card: Any) -> Path:
        """Write a folder with another tensor in the place of one."""
        return self.write(save({**self.state, self.name: tensor}), **card)

    def pack(self, change: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> Path:
        """Write a model file whose entries the function writes, out of those of an honest one."""
        made = self.write()
        path = self.folder / MODEL
        with zipfile.ZipFile(path, "w") as archive:
            change(archive, {name: (made / name).read_bytes() for name in (CARD, WEIGHTS)})
        return path

    def architecture(self, **changes: Any) -> Path:
        """Write a folder whose card describes another generator."""
        plan = self.card["architecture"]
        return self.write(architecture={**plan, "generator": {**plan["generator"], **changes}})


def _more(name: str, data: bytes = b"x") -> Callable[[Honest], Path]:
    def attack(honest: Honest) -> Path:
        def change(archive: zipfile.ZipFile, entries: dict[str, bytes]) -> None:
            for known, content in entries.items():
                archive.writestr(known, content)
            archive.writestr(zipfile.ZipInfo(name, TIMES), data)

        return honest.pack(change)

    return attack


def _link_entry(honest: Honest) -> Path:
    def change(archive: zipfile.ZipFile, entries: dict[str, bytes]) -> None:
        archive.writestr(WEIGHTS, entries[WEIGHTS])
        link = zipfile.ZipInfo(CARD, TIMES)
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, entries[CARD])

    return honest.pack(change)


def _bomb(honest: Honest) -> Path:
    def change(archive: zipfile.ZipFile, entries: dict[str, bytes]) -> None:
        archive.writestr(CARD, entries[CARD])
        archive.writestr(WEIGHTS, bytes(1 << 28), zipfile.ZIP_DEFLATED)

    return honest.pack(change)


def _announced(honest: Honest) -> Path:
    """Say in the directory that the weights have 3 GB, as in a bomb whose entries overlap."""
    path = honest.pack(lambda archive, entries: [archive.writestr(name, data) for name, data in entries.items()][:0])
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = struct.pack("<II", 3 << 30, 3 << 30)
    path.write_bytes(data)
    return path


def _header(size: int) -> Callable[[Honest], Path]:
    return lambda honest: honest.write(size.to_bytes(8, "little") + b'{"a":{}}' + bytes(64))


def _tensors(data: bytes = bytes(64), **entries: Any) -> Callable[[Honest], Path]:
    """Write weights with any header."""
    header = json.dumps(entries).encode()
    return lambda honest: honest.write(len(header).to_bytes(8, "little") + header + data)


def _f32(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def _value(value: float) -> Callable[[Honest], Path]:
    def attack(honest: Honest) -> Path:
        tensor = honest.state[honest.name].clone()
        tensor.view(-1)[5] = value
        return honest.with_tensor(tensor)

    return attack


def _nested(honest: Honest) -> Path:
    made = honest.write()
    deep: Any = 1
    for _ in range(500):
        deep = {"a": deep}
    card = json.loads((made / CARD).read_text())
    (made / CARD).write_text(json.dumps({**card, "recipe": deep}))
    return made


def _number(text: str) -> Callable[[Honest], Path]:
    """Write a number into the card that JSON of this program never has."""

    def attack(honest: Honest) -> Path:
        made = honest.write(mpp="HERE")
        (made / CARD).write_text((made / CARD).read_text().replace('"HERE"', text))
        return made

    return attack


def _linked(name: str) -> Callable[[Honest], Path]:
    def attack(honest: Honest) -> Path:
        made = honest.write()
        (made / name).touch()
        (made / name).rename(honest.folder / f"secret-{name}")
        (made / name).symlink_to(honest.folder / f"secret-{name}")
        return made

    return attack


def _pipe(honest: Honest) -> Path:
    made = honest.write()
    (made / WEIGHTS).unlink()
    os.mkfifo(made / WEIGHTS)
    return made


def _script(honest: Honest) -> Path:
    """Write what TorchScript's archives look like, under a model file's name."""
    path = honest.folder / MODEL
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("model/data.pkl", "model/constants.pkl", "model/code/__torch__.py", "model/version"):
            archive.writestr(name, pickles(honest.canary)["REDUCE"])
    return path


ATTACKS: dict[str, Callable[[Honest], Path]] = {
    "zip: a path up": _more("../evil"),
    "zip: an absolute path": _more("/evil"),
    "zip: a path of Windows": _more("..\\evil"),
    "zip: a drive of Windows": _more("C:/evil"),
    "zip: a folder": _more("sub/"),
    "zip: a program beside": _more("setup.py"),
    "zip: a link": _link_entry,
    "zip: an entry twice": _more(CARD, b"{}"),
    "zip: a bomb": _bomb,
    "zip: more bytes than there are": _announced,
    "zip: TorchScript": _script,
    "header: of 8 EB": _header((1 << 63) - 1),
    "header: beyond the end": _header(1 << 20),
    "header: of 0 bytes": _header(0),
    "header: no table": lambda honest: honest.write((2).to_bytes(8, "little") + b"[]" + bytes(64)),
    "header: overlapping tensors": _tensors(a=_f32([8], 0, 32), b=_f32([8], 16, 48)),
    "header: outside the file": _tensors(a=_f32([16], 0, 64), b=_f32([1 << 20], 64, 64 + (1 << 22))),
    "header: a hole": _tensors(a=_f32([4], 0, 16), b=_f32([4], 48, 64)),
    "header: offsets backwards": _tensors(a=_f32([8], 32, 0)),
    "header: offsets below 0": _tensors(a=_f32([8], -32, 0)),
    "header: a shape of 2^80": _tensors(a=_f32([1 << 40, 1 << 40], 0, 64)),
    "header: a shape of none times 2^62": _tensors(b"", a=_f32([0, 1 << 62], 0, 0)),
    "header: a shape below 0": _tensors(a=_f32([-16], 0, 64)),
    "header: an unknown type": _tensors(a=_f32([16], 0, 64, "OBJECT")),
    "tensor: 100,000 of them": _tensors(b"", **{str(k): _f32([0], 0, 0) for k in range(100_000)}),
    "tensor: another shape": lambda honest: honest.with_tensor(torch.zeros(4, 3, 7, 8)),
    "tensor: one shape of many numbers": lambda honest: honest.with_tensor(torch.zeros(1 << 20)),
    "tensor: one too many": lambda honest: honest.write(save({**honest.state, "more": torch.zeros(3)})),
    "tensor: one missing": lambda honest: honest.write(save(dict(list(honest.state.items())[1:]))),
    "tensor: NaN": _value(np.nan),
    "tensor: infinite": _value(-np.inf),
    "tensor: whole numbers": lambda honest: honest.with_tensor(honest.state[honest.name].long()),
    "tensor: numbers of eight bits": lambda honest: honest.with_tensor(
        honest.state[honest.name].to(torch.float8_e4m3fn)
    ),
    "tensor: numbers of four bits": _tensors(a=_f32([16], 0, 8, "F4"), b=_f32([14], 8, 64)),
    "tensor: complex numbers": lambda honest: honest.with_tensor(honest.state[honest.name].to(torch.complex64)),
    "card: an infinite number": _number("1e999"),
    "card: NaN": _number("NaN"),
    "card: a number of 5,000 digits": _number("9" * 5000),
    "card: nested 500 times": _nested,
    "card: a generator of gigabytes": lambda honest: honest.architecture(width=4096, blocks=100),
    "card: a billion blocks": lambda honest: honest.architecture(blocks=10**9),
    "card: channels below 0": lambda honest: honest.architecture(width=-4),
    "card: a tile of terabytes": lambda honest: honest.write(
        architecture={**honest.card["architecture"], "tile": 1 << 20}
    ),
    "card: a detector that calls itself an adapter": lambda honest: honest.write(
        task="detector", architecture={"method": "turbo"}
    ),
    "card: an adapter of nothing": lambda honest: honest.write(architecture={"method": "turbo"}),
    "card: a title that a terminal obeys": lambda honest: honest.write(title="Theirs\x1b]0;owned\x07"),
    "zip: a name that a terminal obeys": _more("\x1b[2J"),
    "tensor: a name that a terminal obeys": lambda honest: honest.write(
        save({**honest.state, "\x1b[2J": torch.zeros(3)})
    ),
    "card: an id that leads elsewhere": lambda honest: honest.write(id="../../evil"),
    "card: another checksum": lambda honest: honest.write(sha256="0" * 64),
    "card: of 2 MB": lambda honest: honest.write(title="x" * (2 << 20)),
    "folder: weights by a link": _linked(WEIGHTS),
    "folder: a card by a link": _linked(CARD),
    "folder: a licence by a link": _linked("licence.txt"),
    "folder: weights from a pipe": _pipe,
}
"""What is refused wherever a model comes in, by name."""
