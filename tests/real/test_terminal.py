"""The terminal on real slides: what each is, and one line for the broken one."""

import json

import pytest

from cytoshift.cli import main


def _run(arguments, capfd):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code, capfd.readouterr()


@pytest.mark.parametrize(
    ("name", "downsamples", "mpp"),
    [
        ("tcga-cr-7395.svs", [1, 2.0005], None),
        ("cmu-1-small-region.svs", [1], 0.499),
        ("cmu-1-small-region-dicom", [1], 0.499),
        ("fluorescence-dapi.ndpi", [1, 2, 4, 8], 0.2282),
        ("kidney-48-5.tif", [1], None),
    ],
)
def test_info_says_what_the_file_holds(name, downsamples, mpp, data, capfd):
    status, said = _run(["info", data / "slides" / name, "--json"], capfd)
    facts = json.loads(said.out)
    assert (status, said.err) == (0, "")
    stored = [level["downsample"] for level in facts["levels"] if level["stored"]]
    assert stored == pytest.approx(downsamples, abs=1e-5)
    assert (facts["mpp"] and facts["mpp"]["x"]) == (mpp and pytest.approx(mpp, abs=1e-4))


@pytest.mark.parametrize("command", [["info"], ["convert"], ["normalize"], ["detect", "--out"]])
def test_the_broken_slide_gets_one_line(command, data, tmp_path, capfd):
    out = [] if command == ["info"] else [tmp_path / "out"]
    status, said = _run([command[0], data / "slides" / "broken.svs", *command[1:], *out], capfd)
    assert status == 2
    assert said.err.count("\n") == 1
    assert "broken.svs" in said.err
    assert list(tmp_path.iterdir()) == []
