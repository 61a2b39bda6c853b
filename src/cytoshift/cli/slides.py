"""``cytoshift info``, ``convert`` and ``normalize``: what a slide is, and writing it anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.opening import Mpp, SlidePath, open_calibrated
from cytoshift.cli.output import print_columns, print_json
from cytoshift.cli.progress import bar
from cytoshift.cli.workers import Scheduler, sent, workers
from cytoshift.errors import SlideError

if TYPE_CHECKING:
    from cytoshift.slides import Slide

Out = Annotated[Path, typer.Argument(metavar="OUT.ome.zarr", help="Where the OME-Zarr is written.")]


def info(
    slide: SlidePath,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    mpp: Mpp = None,
) -> None:
    """Say what a slide is: size, levels, µm/px, objective, reader."""
    opened = open_calibrated(slide, mpp)
    if as_json:
        from cytoshift.slides import describe

        print_json(describe(opened))
    else:
        print_columns(_lines(opened))


def convert(slide: SlidePath, out: Out, mpp: Mpp = None) -> None:
    """Write a slide as an OME-Zarr pyramid."""
    from cytoshift.slides.ome_zarr import convert as write

    opened = open_calibrated(slide, mpp)
    check_free(out)
    with bar(f"Writing {out.name}") as line:
        write(opened, out, line.count)
    typer.echo(f"Wrote {out}.")


def normalize(
    slide: SlidePath,
    out: Out,
    method: Annotated[
        str, typer.Option(help="white, reinhard, histogram, macenko, vahadane, ruifrok, or a stain model.")
    ] = "reinhard",
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE",
            help="What to look like: an image, a saved reference, a model, papanicolaou or haematoxylin-eosin.",
        ),
    ] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="How far the colours move, 0 to 1.")] = 1.0,
    mpp: Mpp = None,
    scheduler: Scheduler = None,
) -> None:
    """Write a slide in the colours of a reference."""
    from cytoshift.cli.colours import doubt, image_operator, stain_build
    from cytoshift.engine import run_image

    opened = open_calibrated(slide, mpp)
    build = stain_build(method, reference, strength)
    operator = image_operator(build).prepare(opened)
    check_free(out)
    if doubtful := doubt(operator):
        typer.echo(doubtful, err=True)
    with workers(scheduler, sent(operator, build)) as remote, bar(f"Writing {out.name}") as line:
        run_image(opened, operator, out, report=line.report, remote=remote)
    typer.echo(f"Wrote {out}.")


def check_free(out: Path) -> None:
    """Raise SlideError where something is in the way of a new OME-Zarr, or its folder is missing."""
    if out.exists():
        raise SlideError(f"{out} already exists; remove it or give another name.")
    if not out.absolute().parent.is_dir():
        raise SlideError(f"The folder {out.absolute().parent} for {out.name} is not there; make it first.")


def _lines(slide: Slide) -> list[tuple[str, str]]:
    about = slide.info
    lines = [("slide", about.name), ("reader", about.reader)]
    lines += [("vendor", about.vendor)] if about.vendor else []
    lines += [("scanner", about.scanner)] if about.scanner else []
    if about.mpp_yx is None:
        lines.append(("µm/px", "unknown: set with --mpp"))
    else:
        height, width = (level * mpp / 1000 for level, mpp in zip(slide.levels[0].shape, about.mpp_yx, strict=False))
        lines.append(("µm/px", " × ".join(f"{mpp:.4g}" for mpp in dict.fromkeys(reversed(about.mpp_yx)))))
        lines.append(("size", f"{width:.1f} × {height:.1f} mm"))
    lines.append(("objective", "unknown" if about.objective is None else f"{about.objective:g}×"))
    lines += [] if about.brightfield else [("illumination", "not brightfield: stain methods do not apply")]
    for number, level in enumerate(slide.levels):
        lines.append((f"level {number}", f"{level.width} × {level.height} px, downsample {level.downsample:.6g}"))
    return lines
