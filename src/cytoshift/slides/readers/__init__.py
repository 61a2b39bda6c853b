"""Readers: each opens one family of files as a `source.Source`; `slides.open` chooses by content."""
