"""Solvers that filter: each source by itself, with the covariance of the data."""
