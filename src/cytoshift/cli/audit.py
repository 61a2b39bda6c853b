"""``cytoshift audit``: which nuclei of a slide a method or a translator invents, loses or changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cytoshift.cli.colours import image_operator, through_build
from cytoshift.cli.detect import check_folder, read_region
from cytoshift.cli.opening import Mpp, SlidePath, open_calibrated
from cytoshift.cli.output import number, print_columns, write_json
from cytoshift.cli.progress import bar
from cytoshift.errors import CytoshiftError

if TYPE_CHECKING:
    from cytoshift.translation.audit import Audit


def audit(
    slide: SlidePath,
    through: Annotated[
        str, typer.Option(metavar="METHOD_OR_MODEL", help="The stain method, stain model or translator to audit.")
    ],
    region: Annotated[
        str | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Level-0 pixels; all tissue without.")
    ] = None,
    tiles: Annotated[
        int | None,
        typer.Option(min=1, help="Compare so many parts of 0.5 mm a side at most, spread over the tissue."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every change as JSON.")] = None,
    mpp: Mpp = None,
) -> None:
    """Compare the nuclei of a slide with those seen through a method: invented, lost, outline or chromatin changed."""
    from cytoshift.engine import DerivedSlide
    from cytoshift.slides.tissue import find_tissue
    from cytoshift.translation.audit import audit_slide

    if out is not None:
        check_folder(out)
    box = None if region is None else read_region(region)
    opened = open_calibrated(slide, mpp)
    if opened.mpp is None:
        raise CytoshiftError(f"{opened.name} does not say its µm/px, which nuclei are compared in; give it with --mpp.")
    derived = DerivedSlide(opened, image_operator(through_build(through)))
    tissue = find_tissue(opened) if box is None else None
    with bar(f"Comparing {opened.name}") as line:
        found = audit_slide(opened, derived, region=box, tissue=tissue, most=tiles, report=line.report)
    if out is not None:
        write_json(out, {"slide": opened.name, "through": through, **found.to_json()})
    _print(found)


def _print(found: Audit) -> None:
    told = found.to_json()
    typer.echo(f"{found.verdict[0].upper()}{found.verdict[1:]}")
    rows: list[tuple[object, ...]] = [(kind, count) for kind, count in found.counts.items()]
    for name, title in (("outline_um", "outlines apart, µm"), ("texture", "chromatin apart")):
        if told[name]:
            rows.append((f"{title}: median", number(told[name]["median"])))
            rows.append((f"{title}: 95 %", number(told[name]["p95"])))
    print_columns(rows)
