"""The napari plugin: what a person sees and does. Everything it computes is in `cytoshift`."""

import os

# A network computes beside the window. Its threads shall sleep while they wait for one another: spinning, which is
# OpenMP's way, they take the processors from the window and, where these are busy, from each other. Read by OpenMP
# when torch is loaded, which is later; whoever has set it keeps it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
