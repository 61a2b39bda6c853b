"""The napari plugin: what a person sees and does. Everything it computes is in `cytoshift`."""
