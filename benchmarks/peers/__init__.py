"""Peers that cannot share our environment: each in its own, timed from outside, call by call."""
