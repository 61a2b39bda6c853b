"""An environment for each peer, made once in the user's cache folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path

from cytoshift.durable import new_file


def interpreter(peer: str, cache: Path | None = None) -> Path:
    """Return the Python of a peer's environment; make the environment, and say so, when it is not there.

    Parameters
    ----------
    peer : str
        What ``benchmarks/peers/PEER.txt`` lists the requirements of.
    cache : Path, optional
        Where environments are; by default ``benchmarks`` in the user's cache folder of napari-cytoshift.

    Raises
    ------
    SystemExit
        When the environment cannot be made.
    """
    requirements = Path(__file__).with_name(f"{peer}.txt")
    folder = (cache or user_cache_path("napari-cytoshift", appauthor=False) / "benchmarks") / peer
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    made = folder / "made.txt"
    if made.is_file() and made.read_bytes() == requirements.read_bytes():
        return python
    print(f"making an environment for {peer} in {folder}, once; it takes minutes and gigabytes", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)],
            stdout=sys.stderr,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"the environment of {peer} cannot be made: {error}; see above for the reason, and run this again.")
    with new_file(made) as file:
        file.write(requirements.read_bytes())
    return python
