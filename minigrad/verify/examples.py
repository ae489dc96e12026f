"""Example inputs: moved off kinks, and cut down to shapes small enough for symbols."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from typing import Any

import numpy as np

from minigrad.verify.handwritten import HandWritten

_TRIES = 200  # ways to shorten the axes that are tried


def near(subject: HandWritten, rng: np.random.Generator) -> list[Any]:
    """The example inputs, floats moved a little, so that they sit on no kink or tie."""
    moved = list(subject.inputs)
    for k in subject.wanted:
        x = moved[k].astype(float)
        size = np.where(x == 0, np.max(np.abs(x), initial=0) or 1.0, np.abs(x))
        moved[k] = np.asarray(x + 0.2 * size * rng.uniform(-1, 1, size=x.shape))
    return moved


def smaller(subject: HandWritten) -> list[list[Any]]:
    """The example inputs cut down to short axes, equal ones equal: as small as forward runs on.

    Once with lengths of 2 and once with different ones; a length that is a multiple of another
    may have to stay so (four gates in one matrix).
    """
    lengths = sorted({n for k in subject.wanted for n in subject.inputs[k].shape if n > 1})

    def cut(
        shapes: list[tuple[int, ...]] | None, short: dict[int, int]
    ) -> list[tuple[int, ...]] | None:
        return shapes and [tuple(short.get(n, n) for n in shape) for shape in shapes]

    whole = results(subject, subject.inputs)
    found: list[list[Any]] = []
    for shortest in (dict.fromkeys(lengths, 2), {n: min(n, 2 + j) for j, n in enumerate(lengths)}):
        options = [
            sorted(
                {shortest[n], *(shortest[d] * (n // d) for d in lengths if d < n and n % d == 0)}
            )
            for n in lengths
        ]
        for chosen in islice(sorted(product(*options), key=sum), _TRIES):
            short = dict(zip(lengths, chosen, strict=True))
            inputs = [
                x[tuple(slice(short.get(n, n)) for n in x.shape)]
                if isinstance(x, np.ndarray)
                else x
                for x in subject.inputs
            ]
            if any(
                _is_label(x) and x.shape != y.shape
                for x, y in zip(subject.inputs, inputs, strict=True)
            ):
                continue
            if results(subject, inputs) != cut(whole, short):
                continue
            if all(shapes(subject, inputs) != shapes(subject, other) for other in found):
                found.append(inputs)
            break
    return found


def shapes(subject: HandWritten, inputs: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    """Of each input that is differentiated, by name."""
    return {subject.names[k]: inputs[k].shape for k in subject.wanted}


def entries(subject: HandWritten) -> int:
    """Of all example inputs that are differentiated together."""
    return sum(subject.inputs[k].size for k in subject.wanted)


def _is_label(x: Any) -> bool:
    """Whether cutting it may change what it says, as with positions and one-hot rows."""
    return isinstance(x, np.ndarray) and x.dtype.kind in "iu"


def results(subject: HandWritten, inputs: Sequence[Any]) -> list[tuple[int, ...]] | None:
    """Shapes of the outputs and gradients at these inputs; ``None`` where the code fails."""
    try:
        copies = [np.array(x) if isinstance(x, np.ndarray) else x for x in inputs]
        outputs, returned = subject.run(copies)
        gradients = subject.pull([np.ones(np.shape(y)) for y in outputs], copies, returned)
    except Exception:
        return None
    return [np.shape(x) for x in (*outputs, *gradients)]
