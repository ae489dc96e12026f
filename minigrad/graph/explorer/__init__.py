"""The explorer: recorded graphs as one HTML page to walk through, with nothing from the network."""

from minigrad.graph.explorer.following import followed
from minigrad.graph.explorer.page import page

__all__ = ["followed", "page"]
