"""Who signs corrections and decisions."""

from __future__ import annotations

import getpass


def login_name() -> str:
    """Return the login name, ``"unknown"`` where the system has none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
