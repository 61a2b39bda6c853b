"""Restyling: a slide redrawn by a network in the colours of another scanner."""
