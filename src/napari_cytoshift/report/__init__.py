"""A report of one page: what a slide is, how it looks in other colours, what was found on it, and by which model."""

from napari_cytoshift.report.contents import Command, Contents, Picture
from napari_cytoshift.report.page import write_report

__all__ = ["Command", "Contents", "Picture", "write_report"]
