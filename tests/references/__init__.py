"""What PyTorch and Keras computed: weights, inputs, outputs and gradients, as files.

``make_torch.py`` and ``make_keras.py`` beside this file made them. In each .npz an array's name
is its path: ``case/weights/…``, ``case/inputs/…``, ``case/cotangents/…`` (one per output; the
gradients are those of Σ cotangent · output), and per precision ``case/float64/outputs/…``,
``case/float64/gradients/…`` and, where training moves them, ``case/float64/buffers/…``. Weights,
inputs and cotangents are exact in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """One case in one precision, all floating-point arrays of that dtype.

    Attributes:
        name: of the case, whose words say the options: ``bidirectional-lengths``.
        weights: by the framework's names.
        inputs: by name; integer and boolean ones (indices, lengths, masks) as they are.
        cotangents: by the output's name.
        outputs: by name.
        gradients: with respect to every weight and floating-point input, by their names.
        buffers: what training has made of them, by name.
    """

    name: str
    weights: Arrays
    inputs: Arrays
    cotangents: Arrays
    outputs: Arrays
    gradients: Arrays
    buffers: Arrays


_GROUPS = ("weights", "inputs", "cotangents", "outputs", "gradients", "buffers")


def references(file: str, dtype: str = "float64") -> dict[str, Reference]:
    """All cases of ``file``.npz, by name, in this precision."""
    found: dict[str, dict[str, Arrays]] = {}
    with np.load(FOLDER / f"{file}.npz", allow_pickle=False) as stored:
        for path in stored.files:
            case, *precision, group, name = path.split("/")
            groups = found.setdefault(case, {g: {} for g in _GROUPS})
            array = stored[path]
            if precision in ([], [dtype]):
                groups[group][name] = array.astype(dtype) if array.dtype.kind == "f" else array
    return {case: Reference(case, **groups) for case, groups in found.items()}


def assert_agrees(got: Arrays, expected: Arrays, dtype: str) -> None:
    """Every array within 1e-12 (float64) or 1e-6 (float32) of the expected one.

    Relative to each entry, and where entries cancel to the largest of all: through two layers
    PyTorch's own float32 gradients are 1.4e-6 off its float64 ones in single entries.
    """
    assert got.keys() == expected.keys()
    most = {"float64": 1e-12, "float32": 1e-6}[dtype]
    scale = max([1.0, *(float(np.max(np.abs(a), initial=0)) for a in expected.values())])
    for name, array in expected.items():
        assert got[name].dtype == np.dtype(dtype), name
        np.testing.assert_allclose(got[name], array, rtol=most, atol=most * scale, err_msg=name)
