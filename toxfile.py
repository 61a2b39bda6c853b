"""Let the environments of tox.ini share one folder, and show what is being installed into it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.info import Info
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class SharedInfo(Info):
    """What tox remembers of an environment, without the name that the environment had."""

    @contextmanager
    def compare(self, value: Any, section: str, sub_section: str | None = None) -> Iterator[tuple[bool, Any | None]]:
        """Compare with what is remembered; a folder under another name is the same environment."""
        if section == ToxEnv.__name__:
            value = {**value, "name": "shared"}
        with super().compare(value, section, sub_section) as same:
            yield same


class SharedRunner(VirtualEnvRunner):
    """A virtual environment that several tox environments use."""

    @staticmethod
    def id() -> str:
        return "shared"

    @property
    def cache(self) -> Info:
        return SharedInfo(self.env_dir)

    def execute(self, cmd: Any, stdin: Any, show: bool | None = None, *args: Any, **options: Any) -> Any:
        """Run a command; installing takes minutes, so its output is shown."""
        if str(options.get("run_id", "")).startswith("install"):
            show = True
        return super().execute(cmd, stdin, show, *args, **options)


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Make the runner known to tox.ini."""
    register.add_run_env(SharedRunner)
