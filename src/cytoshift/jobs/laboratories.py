"""A translator between two laboratories: what a job is to do, from the slides that a person chose for each.

torch loads when a specification is made, not before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cytoshift.errors import DataError, RecipeError
from cytoshift.jobs.sources import source_of
from cytoshift.jobs.spec import TrainSpec
from cytoshift.models import Registry
from cytoshift.study import Study

if TYPE_CHECKING:
    from cytoshift.training.domain_files import DomainFields

RECIPE_OF = {"unsb": "sc-unsb", "cut": "cut", "fastcut": "fastcut", "cyclegan": "cyclegan", "not": "not"}
"""The recipe of each method; with ``-small`` the one for two CPU cores."""


def laboratory(
    paths: Sequence[str | Path], *, mpp: float = 0.25, calibrated: Mapping[str, tuple[float, float]] | None = None
) -> DomainFields:
    """Return the domain that files and a folder make up.

    Parameters
    ----------
    paths : sequence of path
        Slides and images, and one folder, table or COCO file at most.
    mpp : float
        µm/px of images that say nothing of it.
    calibrated : mapping, optional
        µm/px along y and x of slides, by path, as a person set them.

    Raises
    ------
    DataError
        There is nothing, or more than one folder.
    """
    from cytoshift.training.coco import PICTURES
    from cytoshift.training.domain_files import DomainFields

    known = {str(path): scale for path, scale in (calibrated or {}).items()}
    sets = [str(path) for path in paths if is_set(Path(path))]
    slides = tuple(str(path) for path in paths if str(path) not in sets)
    if not paths:
        raise DataError("A laboratory has no slide yet; choose some for each of the two.")
    if len(sets) > 1:
        raise DataError(f"A laboratory can have one folder, and here are {len(sets)}; choose slides of the others.")
    for slide in slides:
        if Path(slide).suffix.lower() in PICTURES - {".tif", ".tiff"}:
            known.setdefault(slide, (mpp, mpp))
    here = {slide: known[slide] for slide in slides if slide in known}
    return DomainFields(path="".join(sets), slides=slides, mpp=mpp, calibrated=here)


def laboratory_of(study: str | Path, *, mpp: float = 0.25) -> DomainFields:
    """Return the domain that all slides of a study make up; DataError where it has none, or one is not there."""
    with Study.open(study, read_only=True) as store:
        records = [record for record in store.slides() if record.paths]
    if not records:
        raise DataError(f"The study {study} has no slide yet; open one with it, or name slides with --from.")
    scales = {source_of(record).path: record.mpp_yx for record in records}
    known = {path: mpp_yx for path, mpp_yx in scales.items() if mpp_yx is not None}
    return laboratory(list(scales), mpp=mpp, calibrated=known)


def translating_spec(
    source: DomainFields,
    target: DomainFields,
    *,
    study: str | Path,
    recipe: str | Path = "sc-unsb-small",
    title: str = "",
    overrides: Sequence[str] = (),
    registry: str | Path | None = None,
) -> TrainSpec:
    """Return what a job that trains a translator is to do; `start` it in a `new_job_folder` of the study.

    Parameters
    ----------
    source, target : DomainFields
        Slides of the source will look as the target's do; see `laboratory`.
    study : path
        Folder of the study among whose jobs it is.
    recipe : str
        A recipe's file or name, of which all but the domains counts; see `recipe_of`.
    title : str
        What the translator is called; ``"As "`` and the target's name without.
    overrides : sequence of str
        ``training.steps=100`` and the like.
    registry : path, optional
        Root of the registry that receives it; the user's own without.

    Raises
    ------
    DataError, SlideError
        A set cannot be used, or the two share a file.
    RecipeError
        The recipe is not valid, or not a translator's.
    """
    from cytoshift.jobs.train import spec_of
    from cytoshift.training.domain_files import list_files
    from cytoshift.training.recipe import read_recipe

    title = title or f"As {list_files(target).name}"
    data, name = read_recipe(recipe, overrides)
    if data.get("task") != "translation":
        raise RecipeError(f"{name} is not the recipe of a translator; choose one as {recipe_of('unsb', small=True)}.")
    method = data.get("architecture", {}).get("method", "unsb")
    words = re.sub(r"[^a-z0-9]+", "-", f"{title} {method}".lower()).strip("-")
    data |= {
        "id": words[-60:].strip("-"),
        "title": title,
        "source": source.model_dump(mode="json"),
        "target": target.model_dump(mode="json"),
    }
    known = Registry(registry)
    places = {"study": str(Path(study).absolute()), "registry": str(known.root.absolute())}
    return spec_of(data, name).model_copy(update=places)


def scales_of(study: str | Path) -> dict[str, tuple[float, float]]:
    """Return the µm/px of a study's slides by path, as they were set or read; StudyError where there is none."""
    with Study.open(study, read_only=True) as store:
        return {path: slide.mpp_yx for slide in store.slides() if slide.mpp_yx is not None for path in slide.paths}


def recipe_of(method: str, *, small: bool) -> str:
    """Return the name of the recipe that a method and a size have; RecipeError for a method that is not known."""
    if method not in RECIPE_OF:
        raise RecipeError(f"There is no method '{method}'; choose one of {', '.join(RECIPE_OF)}.")
    return RECIPE_OF[method] + ("-small" if small else "")


def is_set(path: Path) -> bool:
    """Return whether a path is a set of images rather than a slide: a folder that is no slide, a table or COCO."""
    return path.suffix.lower() in (".csv", ".json") or (path.is_dir() and path.suffix.lower() != ".zarr")
