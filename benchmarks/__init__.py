"""Ratios against real peers, measured in the same run: ``python -m benchmarks NAME``."""
