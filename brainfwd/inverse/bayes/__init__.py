"""Solvers whose prior is learned from the data."""
