"""What the trainings of experiments are given: nobody stops them, and nobody listens."""

from __future__ import annotations

from typing import Any, Literal


class GoOn:
    """Whom a training asks at every step: go on."""

    def state(self) -> Literal["run", "stop_early", "cancel"]:
        """Say so."""
        return "run"


def let_pass(event: dict[str, Any]) -> None:
    """Let an event pass."""
