"""``cytoshift translate``: a slide as another laboratory's scanner would show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.colours import image_operator
from cytoshift.cli.opening import Mpp, SlidePath, open_calibrated
from cytoshift.cli.progress import bar
from cytoshift.cli.slides import Out, check_free
from cytoshift.cli.workers import Scheduler, workers
from cytoshift.errors import CytoshiftError

if TYPE_CHECKING:
    from cytoshift.engine import ImageOperator
    from cytoshift.models import Model
    from cytoshift.slides import Slide


def translate(
    slide: SlidePath,
    out: Out,
    model: Annotated[
        str | None, typer.Option(help="A translation model's id, its folder, or starter; the one in use without.")
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, help="How often the generator is asked on the way; more may look better, or too much.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise: another one gives other pixels, as plausible.")] = 0,
    mpp: Mpp = None,
    scheduler: Scheduler = None,
) -> None:
    """Write a slide as the laboratory would show it on whose slides the model was taught; Ctrl+C keeps what is done."""
    from cytoshift.engine import run_image
    from cytoshift.models.builds import model_build

    check_free(out)
    opened = open_calibrated(slide, mpp)
    build = model_build(_model(model), steps=steps, seed=seed)
    operator = image_operator(build)
    if opened.mpp is None:
        raise CytoshiftError(f"{opened.name} does not say its µm/px, which the model needs; give it with --mpp.")
    operator = operator.prepare(opened)
    if note := _scale(opened, operator):
        typer.echo(note, err=True)
    with workers(scheduler, build) as remote, bar(f"Writing {out.name}") as line:
        run_image(opened, operator, out, report=line.report, remote=remote)
    typer.echo(f"Wrote {out}.")


def _model(name: str | None) -> Model:
    from cytoshift.models import Registry

    return Registry().current("translation") if name is None else Registry().find(name, "translation")


def _scale(slide: Slide, operator: ImageOperator) -> str:
    """Return in a sentence that the slide is resampled; ``""`` where one of its levels is what the model works at."""
    from cytoshift.engine import View

    view, wanted = View.of(slide, operator.needs), operator.needs.mpp
    if not view.resampled or slide.mpp is None:
        return ""
    if view.level.downsample < 1:
        return (
            f"{slide.name} has {slide.mpp:.4g} µm/px, coarser than the {wanted:g} at which the model works: it is "
            "enlarged to that, and cells may look blurred."
        )
    return f"{slide.name} has no level of {wanted:g} µm/px, at which the model works: it is resampled to that."
