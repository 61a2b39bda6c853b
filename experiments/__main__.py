"""Run an experiment by name: ``python -m experiments NAME [options]``."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run the experiment that the first argument names."""
    files = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    names = [stem.replace("_", "-") for stem in files]
    if len(sys.argv) < 2 or sys.argv[1].replace("_", "-") not in names:
        sys.exit(f"usage: python -m experiments NAME [options]; the experiments are {', '.join(names)}")
    import_module(f"experiments.{sys.argv[1].replace('-', '_')}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
