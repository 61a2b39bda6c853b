"""What the audit of a translation says where nothing changed: the floor of its false alarms.

``python -m experiments audit-floor [SPLIT]`` compares every field of CRIC with the same field as a second scanner shows
it, both ways round, and with itself through stain methods: the morphology is the same, so all that is told is false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cytoshift.slides import Slide, open_slide
from cytoshift.training.coco import data_folder, read_fields
from cytoshift.translation.audit import Audit, audit_slide

SETS = ("cervical/cric", "cervical/cric-scanner-b")
METHODS = ("reinhard", "macenko")
MPP = 0.25


def main(arguments: list[str]) -> None:
    """Print one line for each pair of renderings."""
    split = arguments[0] if arguments else "val"
    print("before -> after: fields, nuclei, invented, lost, outlines, textures; fields beyond the floor")
    one, other = SETS
    for before, after in ((one, other), (other, one)):
        tell(f"{before} -> {after}", (audit_slide(*pair) for pair in pairs(before, after, split)))
    for before in SETS:
        for method in METHODS:
            tell(f"{before} -> {method}", methods(before, method, split))


def fields(name: str, split: str) -> Iterator[Slide]:
    """Yield the fields of a set as slides."""
    for field in read_fields(str(data_folder() / name), split).fields:
        yield open_slide(field.path).calibrated((MPP, MPP))


def pairs(before: str, after: str, split: str) -> Iterator[tuple[Slide, Slide]]:
    """Yield the fields of two sets."""
    yield from zip(fields(before, split), fields(after, split), strict=True)


def methods(name: str, method: str, split: str) -> Iterator[Audit]:
    """Yield audits of fields through a stain method; fields to which it cannot be fitted are left out."""
    from cytoshift import stain
    from cytoshift.engine import DerivedSlide

    for slide in fields(name, split):
        try:
            operator = stain.method(method).prepare(slide)
        except stain.StainError:
            continue
        yield audit_slide(slide, DerivedSlide(slide, operator))


def tell(title: str, audits: Iterator[Audit]) -> None:
    """Print the sums of some audits."""
    counts: Counter[str] = Counter()
    nuclei = concern = number = 0
    for audit in audits:
        counts.update(audit.counts)
        nuclei += audit.nuclei[0]
        number += 1
        concern += not audit.within_floor
    figures = [number, nuclei, *(counts[kind] for kind in ("invented", "lost", "outline", "texture")), concern]
    print(f"{title}: {', '.join(map(str, figures))}", flush=True)
