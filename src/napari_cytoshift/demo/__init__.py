"""The demo: a slide opened, compared, searched and reviewed in the window, and what was found on one page."""
