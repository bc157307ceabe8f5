"""Heads of spheres, sensors on and around them, and one dipole inside."""
