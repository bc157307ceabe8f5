"""Noise that drives a network."""

from brainfwd.noise.ornstein_uhlenbeck import OrnsteinUhlenbeck
from brainfwd.noise.white import WhiteNoise

__all__ = ['OrnsteinUhlenbeck', 'WhiteNoise']
