"""The papers' tables, and this project's own, on real data: ``python -m experiments NAME``."""
