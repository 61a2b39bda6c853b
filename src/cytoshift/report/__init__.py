"""Reports: what a study knows of a slide on one page, as HTML or PDF; and the pieces that other pages are made of."""

from cytoshift.report.contents import SlideReport
from cytoshift.report.gather import Wanted, report_of
from cytoshift.report.page import slide_page
from cytoshift.report.write import write_page

__all__ = ["SlideReport", "Wanted", "report_of", "slide_page", "write_page"]
