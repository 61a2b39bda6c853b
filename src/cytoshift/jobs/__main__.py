"""``python -m cytoshift.jobs FOLDER`` runs the job in a folder behind everything else."""

from __future__ import annotations

import sys

from cytoshift.jobs.aside import stand_aside
from cytoshift.jobs.runner import main

if __name__ == "__main__":
    stand_aside()  # the window, the reading of slides and a search come first; a training takes what they leave
    sys.exit(main(sys.argv[1:]))
