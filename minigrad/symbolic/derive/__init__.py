"""Derivatives of what was read, in the order in which a textbook derives them."""
