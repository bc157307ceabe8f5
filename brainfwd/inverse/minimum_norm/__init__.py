"""Minimum norm, and what is derived from it."""
