"""The worlds that NumPy does not have itself: symbols, and integers modulo a prime."""
