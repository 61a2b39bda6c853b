"""Run a benchmark by name; it prints one JSON line per measurement."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Run the benchmark that the first argument names."""
    files = {file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_")}
    names = sorted(files - {"alternating"})
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.exit(f"usage: python -m benchmarks NAME; the benchmarks are {', '.join(names)}")
    import_module(f"benchmarks.{sys.argv[1]}").main()


if __name__ == "__main__":
    main()
