"""Which model is in use for each task: a list of decisions that only grows, so that each can be taken back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cytoshift.author import login_name
from cytoshift.errors import ModelError


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the history: ``model`` was adopted, or taken back, for ``task``."""

    action: Literal["adopt", "rollback"]
    task: str
    model: str
    author: str
    time: str


class Adoptions:
    """The history of a registry, ``adoption.jsonl``; every line is on the disk before the next is written."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def history(self, task: str | None = None) -> list[Decision]:
        """Return the decisions, oldest first; a line that a power cut tore is passed over."""
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ModelError(f"{self._file} cannot be read ({error.strerror}); check the folder.") from error
        decisions = (_parse(line) for line in lines)
        return [one for one in decisions if one is not None and task in (None, one.task)]

    def adopted(self, task: str) -> str | None:
        """Return the id of the model in use; None while no decision was made, or all were taken back."""
        return next(reversed(self._stack(task)), None)

    def adopt(self, task: str, model: str) -> None:
        """Decide for a model."""
        self._append("adopt", task, model)

    def rollback(self, task: str) -> str | None:
        """Take the last decision back and return the model in use then; ModelError when there is none."""
        stack = self._stack(task)
        if not stack:
            raise ModelError(f"No {task} was adopted, so there is nothing to go back from; adopt one first.")
        self._append("rollback", task, stack.pop())
        return next(reversed(stack), None)

    def _stack(self, task: str) -> list[str]:
        stack: list[str] = []
        for decision in self.history(task):
            if decision.action == "adopt":
                stack.append(decision.model)
            elif stack and stack[-1] == decision.model:
                stack.pop()
        return stack

    def _append(self, action: Literal["adopt", "rollback"], task: str, model: str) -> None:
        time = datetime.now(UTC).isoformat(timespec="seconds")
        line = json.dumps(asdict(Decision(action, task, model, login_name(), time)), ensure_ascii=False)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab+") as file:
                file.seek(0, os.SEEK_END)
                torn = file.tell() > 0
                if torn:
                    file.seek(-1, os.SEEK_END)
                    torn = file.read(1) != b"\n"
                file.write(b"\n" * torn + line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ModelError(
                f"The decision cannot be written to {self._file} ({error.strerror}); check the folder."
            ) from error


def _parse(line: str) -> Decision | None:
    try:
        return Decision(**json.loads(line))
    except (ValueError, TypeError):
        return None
