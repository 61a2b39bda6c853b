"""The detector that ships finds the same cells in a tile wherever and whenever it is searched."""

from __future__ import annotations

from pathlib import Path

import pytest
from same_bytes import ArraySlide, assert_equal_findings, assert_same_findings

from cytoshift import stain
from cytoshift.engine import DerivedSlide, FindingOperator, run_findings
from cytoshift.models import Registry, build_operator
from cytoshift.slides.samples import Scene, render_tile


@pytest.fixture(scope="module")
def starter() -> FindingOperator:
    """Return the starter detector."""
    operator = build_operator(Registry().find("starter", "detector"), threshold=0.2)
    assert isinstance(operator, FindingOperator)
    return operator


@pytest.fixture(scope="module")
def smear() -> ArraySlide:
    """Return a drawn smear of six of the detector's tiles."""
    return ArraySlide(render_tile(Scene(0), 1000, 800, 1800, 2400, "away"), mpp=0.25, levels=2)


def test_view_batch_order_and_resuming_agree(starter: FindingOperator, smear: ArraySlide, tmp_path: Path) -> None:
    found = assert_same_findings(smear, starter, tmp_path, tolerance=0.02)
    assert len(found) > 10


def test_looking_through_a_stain_method_is_looking_at_the_derived_slide(
    starter: FindingOperator, smear: ArraySlide
) -> None:
    method = stain.method("reinhard")
    through = run_findings(smear, starter, through=method)
    assert_equal_findings(run_findings(DerivedSlide(smear, method), starter), through)
    assert through.provenance.slide == smear.info.identity
    assert through.provenance.through
