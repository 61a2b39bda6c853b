"""The program as a whole: fast to start, no torch before it is needed, one line for every mistake."""

import subprocess
import sys

import pytest


def cytoshift(*arguments: str) -> subprocess.CompletedProcess:
    program = "from cytoshift.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


def test_help_names_every_command():
    done = cytoshift("--help")
    assert done.returncode == 0
    for command in ("info", "convert", "normalize", "detect", "train", "evaluate", "models", "study", "jobs", "demo"):
        assert command in done.stdout


@pytest.mark.parametrize("module", ["torch", "numpy", "zarr", "pydantic"])
def test_help_does_not_import(module):
    program = "import sys, cytoshift.cli; sys.exit(sys.argv[1] in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program, module], check=False).returncode == 0


def test_info_and_study_do_not_import_torch(tmp_path):
    program = (
        "import sys\nfrom cytoshift.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    print(end.code, 'torch' in sys.modules)"
    )
    study = str(tmp_path / "study")
    for arguments in (["study", "new", study], ["study", "status", study], ["jobs", "list", study], ["models", "list"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
        assert done.stdout.splitlines()[-1] == "0 False", done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["info"],
        ["info", "slide.svs", "--loud"],
        ["detect", "slide.svs"],
        ["detect", "slide.svs", "--out", "x.geojson", "--threshold", "2"],
        ["detect", "slide.svs", "--out", "x.geojson", "--region", "1,2,3"],
        ["evaluate", "detector", "starter"],
        ["jobs", "list", "no-study"],
        ["models", "show", "no-model"],
        ["study", "status", "no-study"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line(arguments, capfd, monkeypatch, tmp_path):
    from cytoshift.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CYTOSHIFT_MODELS", str(tmp_path / "models"))
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capfd.readouterr().err
    assert end.value.code == 2
    assert said.count("\n") == 1
    assert said.endswith(".\n")


def test_control_c_is_one_line(capfd, monkeypatch):
    from cytoshift.cli import main, slides

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(slides, "open_calibrated", interrupted)
    with pytest.raises(SystemExit) as end:
        main(["info", "slide.svs"])
    assert end.value.code == 130
    assert capfd.readouterr().err.count("\n") == 1
