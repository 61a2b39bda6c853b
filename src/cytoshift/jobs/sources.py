"""The slides of a study that a job reads: where they lay when it was started, and opening them in its process."""

from __future__ import annotations

from pathlib import Path

from cytoshift.errors import SlideError, StudyError
from cytoshift.jobs.spec import SlideSource
from cytoshift.slides import Slide, open_slide
from cytoshift.study import SlideRecord


def source_of(record: SlideRecord) -> SlideSource:
    """Return where a slide lies; StudyError where it does not any more."""
    there = [path for path in record.paths if Path(path).exists()]
    if not there:
        raise StudyError(
            f"The slide {record.name} of the study is not at {record.paths[0]} any more; open it from its new place."
        )
    return SlideSource(identity=record.identity, path=str(Path(there[0]).absolute()), mpp_yx=record.mpp_yx)


def open_source(source: SlideSource) -> Slide:
    """Open a slide with the µm/px that a person set; SlideError where another one lies in its place."""
    slide = open_slide(source.path)
    if slide.info.identity != source.identity:
        raise SlideError(f"{source.path} is not the slide that was corrected; put that one back, or open it again.")
    return slide if source.mpp_yx is None else slide.calibrated(source.mpp_yx)
