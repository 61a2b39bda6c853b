"""``cytoshift jobs``: start, watch and stop the jobs of a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cytoshift.cli.outcome import conclude, follow_job, print_gain
from cytoshift.cli.output import print_columns, print_json
from cytoshift.cli.progress import bar

if TYPE_CHECKING:
    from cytoshift.jobs import Job, JobResult, JobSpec

app = typer.Typer(help="Jobs of a study: learn from corrections in the background.", no_args_is_help=True)

Teachable = Literal["detector", "mitosis"]

StudyPath = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
Name = Annotated[str, typer.Argument(metavar="JOB", help="Name of the job, as `jobs list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(study: StudyPath, as_json: Json = False) -> None:
    """List the jobs of a study, oldest first."""
    found = _jobs(study)
    if as_json:
        print_json([_describe(job) for job in found])
    elif not found:
        typer.echo(f"No jobs in {study}; start one with: cytoshift jobs start {study}")
    else:
        print_columns([(job.name, _standing(job), _model(job.result)) for job in found])


@app.command("start")
def start_(
    study: StudyPath,
    task: Annotated[Teachable, typer.Option(help="Teach a detector, or what tells mitoses apart.")] = "detector",
    model: Annotated[str, typer.Option(help="The model to teach: an id, a folder, or starter.")] = "starter",
    recipe: Annotated[str | None, typer.Option(help="Recipe of the training.", show_default=False)] = None,
    source: Annotated[
        list[str] | None, typer.Option("--from", metavar="PATH", help="Slide to be translated or restyled.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("--to", metavar="PATH", help="Slide whose look is wanted.")
    ] = None,
    across: Annotated[
        str, typer.Option(metavar="TRANSLATOR", help="Carry the detector to the look that this gives.")
    ] = "",
    like: Annotated[
        str, typer.Option(metavar="RESTYLER", help="Teach it slides that are to look like the model's.")
    ] = "",
    fields: Annotated[str, typer.Option(metavar="COCO", help="Labelled fields to carry or to restyle with.")] = "",
    mpp: Annotated[float, typer.Option(metavar="UM", help="µm/px of images that say nothing of it.")] = 0.25,
    title: Annotated[str, typer.Option(help="What a translator is called.", show_default=False)] = "",
    changes: Annotated[list[str] | None, typer.Option("--set", help="key=value of the recipe.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    wait: Annotated[bool, typer.Option(help="Wait for the end and show it.")] = False,
) -> None:
    """Start learning from a study's corrections, or from slides, in a process that outlives this terminal.

    A detector learns from what is marked complete; with --task mitosis, a classifier learns from the normal and
    atypical mitoses that were decided on. With --from and --to, each given as often as there are slides or once with a
    folder, a translator is trained that shows slides of the first laboratory as the second one's. With --across, the
    detector learns from labelled fields as that translator shows them: from --fields, or those that it learnt from.
    With --like, that restyler learns to show slides of another scanner as the fields that it learnt from: the slides of
    --from, or all of the study.
    """
    from cytoshift.jobs import new_job_folder, start
    from cytoshift.jobs.corrections import RECIPES

    overrides = [*(changes or []), f"training.seed={seed}"]
    if across:
        from cytoshift.jobs.carrying import RECIPE, carrying_spec

        spec: JobSpec = carrying_spec(
            across, study=study, parent=model, fields=fields, recipe=recipe or RECIPE, overrides=overrides
        )
        job = start(spec, new_job_folder(study, "carry"))
    elif like:
        from cytoshift.jobs.laboratories import laboratory, laboratory_of, scales_of
        from cytoshift.jobs.restyling import restyling_spec

        slides = laboratory(source, mpp=mpp, calibrated=scales_of(study)) if source else laboratory_of(study, mpp=mpp)
        spec = restyling_spec(
            slides,
            study=study,
            parent=like,
            fields=laboratory([fields], mpp=mpp) if fields else None,
            recipe=recipe or "",
            title=title,
            overrides=overrides,
        )
        job = start(spec, new_job_folder(study, "restyle"))
    elif source or target:
        from cytoshift.jobs.laboratories import laboratory, scales_of, translating_spec

        scales = scales_of(study)
        labs = [laboratory(paths or [], mpp=mpp, calibrated=scales) for paths in (source, target)]
        spec = translating_spec(*labs, study=study, recipe=recipe or "sc-unsb-small", title=title, overrides=overrides)
        job = start(spec, new_job_folder(study, "translate"))
    else:
        spec = _learning(study, task, model, recipe or RECIPES[task], changes or [], seed)
        job = start(spec, new_job_folder(study, spec.kind))
    for note in spec.notes:
        typer.echo(note)
    typer.echo(f"Started {job.name}.")
    if wait:
        follow_job(job)
        _print(job)


def _learning(study: Path, task: Teachable, model: str, recipe: str, changes: list[str], seed: int) -> JobSpec:
    from cytoshift.detection import DetectorRecipe
    from cytoshift.jobs import learning_spec
    from cytoshift.mitosis import MitosisRecipe
    from cytoshift.training import load_recipe

    load_recipe(recipe, MitosisRecipe if task == "mitosis" else DetectorRecipe, changes)
    return learning_spec(study, task=task, parent=model, recipe=recipe, overrides=changes, seed=seed)


@app.command()
def stop(
    study: StudyPath,
    name: Name,
    cancel: Annotated[bool, typer.Option(help="Throw it away: no model is made.")] = False,
) -> None:
    """Stop a job early and keep the best model so far, or cancel it."""
    job = _job(study, name)
    if cancel:
        job.cancel()
    else:
        job.stop_early()
    typer.echo(f"Asked {name} to {'cancel' if cancel else 'stop early'}.")


@app.command()
def pause(study: StudyPath, name: Name) -> None:
    """Let a job leave its device after a checkpoint; resume goes on from there."""
    _job(study, name).pause()
    typer.echo(f"Asked {name} to pause.")


@app.command()
def resume(study: StudyPath, name: Name) -> None:
    """Go on with a paused, interrupted or failed job from its last checkpoint."""
    _job(study, name).resume()
    typer.echo(f"Resumed {name}.")


@app.command()
def show(
    study: StudyPath,
    name: Name,
    follow: Annotated[bool, typer.Option(help="Wait for its end.")] = False,
    as_json: Json = False,
) -> None:
    """Show where a job stands, and before and after once it is over."""
    job = _job(study, name)
    if follow:
        follow_job(job, quiet=as_json)
    if as_json:
        print_json(_describe(job))
    else:
        _print(job)


@app.command("run")
def run_(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a job.")]) -> None:
    """Run a job in this process, as its own process would."""
    from cytoshift.jobs import attach
    from cytoshift.jobs.runner import run

    with bar(attach(folder).spec.title or folder.name) as line:
        result = run(folder, line.event)
    conclude(result)


def _jobs(study: Path) -> list[Job]:
    from cytoshift.jobs import list_jobs
    from cytoshift.study import Study

    Study.open(study, read_only=True).close()
    return list_jobs(study)


def _job(study: Path, name: str) -> Job:
    from cytoshift.jobs import JobError

    for job in _jobs(study):
        if job.name == name:
            return job
    raise JobError(f"{study} has no job {name}; see cytoshift jobs list {study}.")


def _describe(job: Job) -> dict[str, object]:
    result = job.result
    return {
        "name": job.name,
        "state": job.state,
        "behind": job.behind,
        "folder": str(job.folder),
        "job": _specification(job),
        "result": None if result is None else result.model_dump(),
    }


def _specification(job: Job) -> dict[str, object]:
    from cytoshift.jobs import JobError

    try:
        said: dict[str, object] = json.loads(job.spec.model_dump_json())
    except JobError as error:  # the other jobs of a list are still worth showing
        return {"error": str(error)}
    return said


def _standing(job: Job) -> str:
    behind = job.behind
    return f"waits for {behind}" if behind else job.state


def _model(result: JobResult | None) -> str:
    return "" if result is None else result.model or result.message


def _print(job: Job) -> None:
    events, _ = job.events()
    progress = [event for event in events if event.get("kind") == "progress"]
    typer.echo(f"{job.name}: {_standing(job)}")
    if progress:
        typer.echo(f"step {progress[-1]['step']} of {progress[-1]['total']}")
        if "memory" in progress[-1]:
            used, total = progress[-1]["memory"]
            typer.echo(f"memory {used / 2**30:.1f} of {total / 2**30:.0f} GB")
    if job.result is not None:
        typer.echo(job.result.message)
        print_gain(job.result)
