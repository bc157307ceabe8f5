"""Noise that drives a network."""

from brainfwd.noise.coloured import ColouredNoise
from brainfwd.noise.multiplicative import MultiplicativeNoise
from brainfwd.noise.ornstein_uhlenbeck import OrnsteinUhlenbeck
from brainfwd.noise.white import WhiteNoise

__all__ = ['ColouredNoise', 'MultiplicativeNoise', 'OrnsteinUhlenbeck', 'WhiteNoise']
