"""What a job is to do, written down once before it starts, so that it can be run again from the same words."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cytoshift.jobs.folder import JOBS, SPEC, JobError, write_text


def _threads() -> int:
    return psutil.cpu_count(logical=False) or 1


class JobSpec(BaseModel):
    """What every job says.

    ``notes`` are sentences that were worth saying before the start; the job says them first. ``threads`` is written
    down because sums on a CPU depend on it: a job resumed with as many threads gives the same bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    title: str = ""
    notes: tuple[str, ...] = ()
    threads: int = Field(default_factory=_threads, ge=1)
    made: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))

    @property
    def digest(self) -> str:
        """Six hex digits that tell this specification from others."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:6]


class SlideSource(BaseModel):
    """A slide of a study and where its file lay when the job was started."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: str
    path: str
    mpp_yx: tuple[float, float] | None = None


class LearnSpec(JobSpec):
    """Fine-tune a detector, or a classifier of mitoses, on the corrections of a study.

    ``task`` says which. ``parent`` is a model's id, its folder, or ``"starter"``; ``registry`` the root of the registry
    that it is looked up in and that receives the new model (None for the user's own). ``recipe`` gives the training;
    the network is the parent's, the data the study's as it is when the job first runs. ``device`` is ``"auto"`` or a
    torch device; jobs of one study on one device wait for each other.
    """

    kind: Literal["learn"] = "learn"
    task: Literal["detector", "mitosis"] = "detector"
    study: str
    slides: tuple[SlideSource, ...] = ()
    parent: str = "starter"
    recipe: str = "detector-learn"
    overrides: tuple[str, ...] = ()
    registry: str | None = None
    seed: int = Field(default=0, ge=0)
    device: str = "auto"


class TrainSpec(JobSpec):
    """Train a model from a recipe; ``recipe`` is the whole recipe, every value in it, under its ``name``.

    ``registry`` is the root of the registry that receives the model; without, it stays in the job's folder.
    ``study`` is the study whose jobs wait for one another, where it is one of them.
    """

    kind: Literal["train"] = "train"
    name: str
    recipe: dict[str, Any]
    study: str = ""
    registry: str = ""

    @property
    def device(self) -> str:
        """``"auto"`` or a torch device."""
        return str(self.recipe.get("training", {}).get("device", "auto"))


_ANY: TypeAdapter[LearnSpec | TrainSpec] = TypeAdapter(Annotated[LearnSpec | TrainSpec, Field(discriminator="kind")])


def write_spec(spec: JobSpec, folder: Path) -> None:
    """Write a specification as the job's ``job.json``."""
    write_text(folder / SPEC, spec.model_dump_json(indent=1) + "\n")


def read_spec(folder: Path) -> LearnSpec | TrainSpec:
    """Read a job's specification.

    Raises
    ------
    JobError
        If there is none in the folder, or it is not valid.
    """
    path = folder / SPEC
    try:
        return _at_home(_ANY.validate_json(path.read_bytes()), folder)
    except (FileNotFoundError, NotADirectoryError):
        raise JobError(f"{folder} is not a job: it has no {SPEC}; give the folder of a job.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise JobError(f"{path} is not a valid job: {where}: {first['msg'].lower()}; start the job anew.") from error


def _at_home(spec: LearnSpec | TrainSpec, folder: Path) -> LearnSpec | TrainSpec:
    """Return a specification with the study in which the job lies now: the folder may have been moved with its jobs."""
    study = folder.absolute().parents[1]
    if not spec.study or folder.parent.name != JOBS or Path(spec.study) == study:
        return spec
    changes: dict[str, Any] = {"study": str(study)}
    if isinstance(spec, LearnSpec):
        changes["slides"] = tuple(_moved(source, Path(spec.study), study) for source in spec.slides)
    return spec.model_copy(update=changes)


def _moved(source: SlideSource, old: Path, new: Path) -> SlideSource:
    """Return where a slide lies now that lay in the study's folder; others stay."""
    path = Path(source.path)
    if not path.is_relative_to(old):
        return source
    return source.model_copy(update={"path": str(new / path.relative_to(old))})
