"""A function and its gradient as NumPy source that a person would have written."""

from minigrad.compile.readable.functions import Language, source, with_tensors
from minigrad.compile.readable.writer import Unwritable

__all__ = ["Language", "Unwritable", "source", "with_tensors"]
