"""Every NumPy function on a Tensor has NumPy's value, shape and dtype, or raises NumPy's error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad as mg
from tests.primitives.generated_calls import FUNCTIONS, REFUSED, calls, outcome, parts


def tracked(x: Any) -> Any:
    """Arrays of numbers as Tensors."""
    if isinstance(x, np.ndarray) and x.dtype != bool:
        return mg.Tensor(x)
    return [tracked(part) for part in x] if isinstance(x, list) and x else x


def difference(expected: Any, found: Any) -> str | None:
    """How the outcome on a Tensor differs from NumPy's; ``None`` where it does not."""
    if isinstance(found, Exception) and any(words in str(found) for words in REFUSED):
        return None
    if isinstance(expected, Exception):
        kinds = (type(expected), ValueError) if isinstance(expected, TypeError) else type(expected)
        if isinstance(found, kinds):
            return None
        return f"NumPy raises {expected!r}, here it is {found!r}"
    if isinstance(found, Exception):
        return f"NumPy gives {expected!r}, here it raises {found!r}"
    right, mine = parts(expected), [mg.tensor.raw(part) for part in parts(found)]
    if len(right) != len(mine):
        return f"{len(right)} results, here {len(mine)}"
    for a, b in zip(right, mine, strict=True):
        if np.shape(a) != np.shape(b):
            return f"shape {np.shape(a)}, here {np.shape(b)}"
        if np.asarray(a).dtype != np.asarray(b).dtype:
            return f"dtype {np.asarray(a).dtype}, here {np.asarray(b).dtype}"
        tolerance = 1e-5 if np.asarray(a).dtype in (np.float32, np.complex64) else 1e-9
        if not np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"{a!r}, here {b!r}"
    return None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_gets_what_numpy_gives(name):
    function, faults = FUNCTIONS[name], []
    for title, args, kwargs in calls(name):
        expected = outcome(function, args, kwargs)
        found = outcome(function, (tracked(args[0]), *args[1:]), kwargs)
        if (told := difference(expected, found)) is not None:
            faults.append(f"{title}: {told}")
    assert not faults, f"{len(faults)}: " + "\n".join(faults[:5])
