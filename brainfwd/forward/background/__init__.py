"""Noise of the brain, of the mains and as recorded, added to a recording."""
