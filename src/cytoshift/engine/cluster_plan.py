"""Clusters as a TOML file describes them: which workers there are to be, and how paths read where they run."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cytoshift.errors import CytoshiftError

Paths = Mapping[str, str]
"""Folders as this computer names them, and as the workers name the same ones."""


class _Plan(BaseModel):
    """What every plan says.

    Attributes
    ----------
    patience : float
        Seconds until the first worker must be there.
    paths : dict of str to str
        See `Paths`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: float = Field(60, gt=0)
    paths: dict[str, str] = Field(default_factory=dict)


class SchedulerPlan(_Plan):
    """A scheduler that runs already, at an address."""

    kind: Literal["scheduler"]
    address: str
    patience: float = Field(10, gt=0)


class _Workers(_Plan):
    """Workers that are started for the run and end with it.

    ``workers`` processes of ``threads`` threads; ``memory`` is that of each, ``"8GB"`` say.
    """

    workers: int = Field(2, ge=1)
    threads: int = Field(1, ge=1)
    memory: str = "auto"


class LocalPlan(_Workers):
    """Workers on this computer."""

    kind: Literal["local"]


class SshPlan(_Workers):
    """Workers on computers that SSH reaches without a password; ``workers`` on each of the hosts.

    The scheduler runs on ``scheduler``, the first host without; ``python`` is the interpreter there.
    """

    kind: Literal["ssh"]
    hosts: tuple[str, ...] = Field(min_length=1)
    workers: int = Field(1, ge=1)
    scheduler: str = ""
    user: str = ""
    python: str = ""


class QueuePlan(_Workers):
    """Workers as jobs of a batch queue, started by dask-jobqueue; ``options`` are handed on to it."""

    kind: Literal["slurm", "pbs", "sge", "lsf"]
    memory: str
    walltime: str = "01:00:00"
    queue: str = ""
    account: str = ""
    python: str = ""
    patience: float = Field(600, gt=0)
    options: dict[str, Any] = Field(default_factory=dict)


ClusterPlan = SchedulerPlan | LocalPlan | SshPlan | QueuePlan

_ANY: TypeAdapter[ClusterPlan] = TypeAdapter(Annotated[ClusterPlan, Field(discriminator="kind")])


def read_plan(where: str) -> ClusterPlan:
    """Return the plan of a TOML file, or that for the address of a scheduler.

    Raises
    ------
    CytoshiftError
        There is no such file, or it is not valid.
    """
    if not where.endswith(".toml"):
        return SchedulerPlan(kind="scheduler", address=where)
    try:
        return _ANY.validate_python(tomllib.loads(Path(where).read_text(encoding="utf-8")))
    except OSError as error:
        raise CytoshiftError(
            f"The cluster file {where} cannot be read ({error.strerror}); give another file, or tcp://HOST:PORT."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CytoshiftError(f"{where} is not valid TOML: {error}; correct that line.") from error
    except ValidationError as error:
        raise CytoshiftError(_sentence(error, where)) from error


def _sentence(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    kinds = "scheduler, local, ssh, slurm, pbs, sge or lsf"
    if first["type"].startswith("union_tag"):
        return f"{where} does not say what kind of cluster it is; write kind = one of {kinds}."
    place = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "extra_forbidden":
        return f"{where} has a key that does not exist for kind {first['loc'][0]}, {place}; take it out."
    return f"{where}: {place}: {first['msg'].lower()}; correct it."


def there(path: str, paths: Paths) -> str:
    """Return a path as workers name it: below the longest folder that is known; unchanged where none is."""
    absolute = PurePath(os.path.abspath(path))
    for here in sorted(paths, key=len, reverse=True):
        root = PurePath(os.path.abspath(here))
        if absolute.is_relative_to(root):
            rest, other = absolute.relative_to(root).parts, paths[here]
            kind = PureWindowsPath if "\\" in other or PureWindowsPath(other).drive else PurePosixPath
            return str(kind(other, *rest))
    return path


def sent_there(build: Any, paths: Paths) -> Any:
    """Return what makes an operator with its files as workers name them: paths among a partial's arguments."""
    if isinstance(build, partial):
        given = [sent_there(each, paths) for each in build.args]
        return partial(build.func, *given, **{name: sent_there(each, paths) for name, each in build.keywords.items()})
    return Path(there(str(build), paths)) if isinstance(build, Path) else build
