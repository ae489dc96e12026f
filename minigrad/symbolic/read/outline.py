"""Code run on outlines: arrays that have a shape and no entries.

What it records holds for every value. Code that branches on values, or takes them out of the
tape, is refused or noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.primitives import Primitive
from minigrad.symbolic.shaped import ShapedArray


class Outline(ShapedArray):
    """The shape of an array, and how it was made of others if the tape does not know.

    Args:
        shape: lengths of the axes.
        made: name of the primitive or comparison, operands, keywords.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        made: tuple[Primitive | str, tuple[Any, ...], Mapping[str, Any]] | None = None,
    ) -> None:
        self.shape, self.made = shape, made

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        if any(hasattr(x, "parents") for x in operands):
            return NotImplemented  # a Tensor among them: it records, and comes back here
        plain = [np.ones(x.shape) if isinstance(x, Outline) else x for x in operands]
        if primitive.kind == "linear" and primitive.rules[0] is None:  # where: a condition
            plain[0] = np.ones(np.shape(operands[0]), bool)
        with np.errstate(all="ignore"):
            result = primitive.forward(*plain, **static)
        return Outline(np.shape(result), (primitive, operands, static))

    def compared(self, name: str, a: Any, b: Any) -> Outline:
        """A condition."""
        return Outline(np.broadcast_shapes(np.shape(a), np.shape(b)), (name, (a, b), {}))
