"""Layer 0: what every other file may use."""
