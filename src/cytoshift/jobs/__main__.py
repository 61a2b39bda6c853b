"""``python -m cytoshift.jobs FOLDER`` runs the job in a folder behind everything else."""

from __future__ import annotations

import sys

import psutil

from cytoshift.jobs.runner import main

if __name__ == "__main__":
    # The window, the reading of slides and a search come first; a training takes what they leave.
    psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 15)
    sys.exit(main(sys.argv[1:]))
