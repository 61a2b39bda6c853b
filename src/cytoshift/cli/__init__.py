"""The same actions from a terminal: ``cytoshift --help``."""

from cytoshift.cli.app import main

__all__ = ["main"]
