"""Calls of NumPy's functions, generated from their signatures.

Each array in turn, then each value that an argument may have, one argument at a time.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import numpy as np

from minigrad.primitives import BY_NUMPY
from minigrad.primitives.calls import Constant, Refused, path_of

_RNG = np.random.default_rng(7)
_A = _RNG.normal(size=(2, 3)).round(3)
ARRAYS = {
    "a number": np.array(0.7),
    "a vector": np.array([0.5, -1.5, 2.25]),
    "a matrix": _A,
    "a square matrix": np.array([[2.0, 0.5], [0.25, 1.0]]),
    "a cube": _RNG.normal(size=(2, 3, 2)).round(3),
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((2, 0)),
    "every second entry, backwards": np.repeat(_A, 2, axis=1)[:, ::-2],
    "columns first": np.asfortranarray(_A),
    "single precision": _A.astype(np.float32),
    "whole numbers": np.array([[3, 1, 2], [0, 2, 1]]),
    "flags": np.array([[True, False, True], [False, False, True]]),
    "equal entries": np.ones((2, 3)),
    "NaN": np.array([[0.5, np.nan, 1.0], [-2.0, 3.0, 0.25]]),
}
AXES = [None, 0, 1, -1, 2, -3, (0, 1), (1, -1), (0,), (0, 0), (0, 5), (), 1.0, [0, 1]]
FLAGS = [True, False]
DTYPES = [None, np.float32, np.float64]
MASK = np.array([[True, False, True], [False, True, False]])

# Values for arguments, by their names; those of one function are below
VALUES: dict[str, list[Any]] = {
    "axis": AXES, "axes": AXES, "axis1": [0, 1, -1, 3], "axis2": [1, 0, -2, -4],
    "axisa": [-1, 0, 4], "axisb": [-1, 0], "axisc": [-1, 0, 3],
    "source": [0, -1, (0, 1), (0, 0), 4],
    "destination": [-1, 0, (1, 0), 5], "start": [0, 1, 3, -5], "keepdims": FLAGS, "dtype": DTYPES,
    "where": [True, MASK, MASK[:, :1], False], "initial": [0.5, 2, -np.inf], "ddof": [0, 1, 2, 9],
    "correction": [0.5, 1], "k": [0, 1, -1, 7], "offset": [0, 1, -1, 9], "n": [0, 1, 2, 3, -1],
    "decimals": [0, 1, -1], "order": ["C", "F", "K", "x"], "mode": ["full", "same", "valid", "x"],
    "indices": [[0, 1], 0, [[1], [0]], [9], [-1], np.array([], int)], "shift": [1, -2, (1, 2), 9],
    "repeats": [2, 0, [1, 0, 2], -1], "reps": [2, (2, 1), (1, 1, 2), 0], "kth": [0, 1, -1, 9],
    "indices_or_sections": [1, 2, 3, [1], [2, 1], [0, 9], 0],
    "q": [0.3, [0.25, 0.5], 0.0, 1.0, 1.5],
    "method": ["linear", "lower", "higher", "midpoint", "nearest", "hazen", "weibull", "x"],
    "shape": [(-1,), (3, 2), (6,), (4, 2), 6, (2, -1, 1)], "new_shape": [(2, 2), 5, (0,), (3, 4)],
    "newshape": [(3, 2)], "weights": [np.array([1.0, 2.0, 0.5]), np.ones((2, 3)), np.zeros(3)],
    "norm": [None, "ortho", "forward", "backward", "x"], "s": [(2, 2), (3,), (4, 4, 4)],
    "ord": [None, 1, 2, np.inf, -np.inf, 0, 3, "fro", "nuc", -1, -2, "x"],
    "p": [None, 1, "fro", -2],
    "UPLO": ["L", "U", "x"], "full_matrices": FLAGS, "compute_uv": FLAGS, "hermitian": [False],
    "upper": FLAGS, "rcond": [None, 1e-10], "period": [None, 2.0], "bias": FLAGS, "rowvar": FLAGS,
    "fweights": [[1, 2, 1]], "aweights": [[0.5, 1.0, 2.0]], "edge_order": [1, 2, 3],
    "endpoint": FLAGS, "num": [3, 1, 0, -1], "include_initial": FLAGS, "sparse": FLAGS,
    "indexing": ["xy", "ij", "x"], "nan": [0.0, 5.0], "posinf": [None, 9.0], "increasing": FLAGS,
    "N": [None, 2, 0], "m": [1, 0, 2, -1], "deg": [1, 0, -1], "dx": [1.0, 0.5], "ind": [1, 2, 0],
    "return_index": FLAGS, "return_inverse": FLAGS, "return_counts": FLAGS, "returned": FLAGS,
    "prepend": [0.5, np.ones((2, 1))], "append": [0.5], "to_end": [0.0], "to_begin": [[1.0, 2.0]],
    "left": [None, -1.0], "right": [None, 7.0], "obj": [0, [0, 1], slice(1, None), 9],
    "values": [9.0, [1.0, 2.0]], "condition": [[True, False, True], MASK, [True]],
    "trim": ["fb", "f", "b"], "deg_": FLAGS, "equal_nan": FLAGS, "tol": [100],
    "discont": [None, 3.5],
    "new": [0], "minlength": [0, 9], "bins": [3, [0.0, 1.0, 2.0]], "density": [None, True],
    "range": [None, (0.0, 1.0)], "base": [2.0], "retstep": FLAGS, "stable": [None, True],
    "kind": [None, "stable"], "copy": [True], "optimize": FLAGS, "assume_unique": [False],
    "return_indices": FLAGS, "stop": [3.0, [1.0, 2.0, 3.0]], "min": [0.0, None], "max": [1.0, None],
    "a_min": [0.0, None, np.array([0.0, 0.5, 1.0])], "a_max": [1.0, None], "n_": [2],
}  # fmt: skip
OF = {  # arguments that mean something else in one function
    "percentile": {"q": [30.0, [25.0, 50.0], 101.0]}, "nanpercentile": {"q": [30.0, [25.0, 50.0]]},
    "take": {"mode": ["raise", "wrap", "clip", "x"]}, "choose": {"mode": ["raise", "wrap", "clip"]},
    "broadcast_to": {"shape": [(2, 3), (4, 2, 3), (3,), (0, 3), (5, 5)]}, "angle": {"deg": FLAGS},
    "qr": {"mode": ["reduced", "complete", "r", "x"]}, "rot90": {"axes": [(0, 1), (1, 0), (0, 0)]},
    "tensordot": {"axes": [0, 1, 2, ([1], [1]), ([0, 1], [0, 1]), ([0], [5]), ((-1,), (-1,))]},
    "transpose": {"axes": [None, (0, 1), (1, 0), (-1, 0), (0, 0), (0, 5), (1, 0, 2)]},
    "tensorsolve": {"axes": [None]}, "rollaxis": {"axis": [0, 1, -1, 4]},
    "polyint": {"k": [None, [0.5]]}, "geomspace": {"stop": [3.0]}, "fftshift": {"axes": AXES[:9]},
    "sum": {"dtype": [int, np.float32]}, "prod": {"dtype": [int]}, "cumsum": {"dtype": [int]},
    "stack": {"dtype": [int, np.float64]}, "vecdot": {"axis": [-1, 0, 1]},
    "partition": {"axis": [None, 0, -1, 2]},
}  # fmt: skip
EXEMPT = {  # function, part of the description: why the outcome differs
    ("clip", "a_m"): "NumPy wants both limits in their own places, or one as min= or max=",
    ("partition", "NaN"): "of a partition only one entry has its place",
    ("average", "no "): "NumPy divides by the size of an empty result",
    ("*quantile", "no "): "NumPy forgets the shape of q",
    ("*percentile", "no "): "NumPy forgets the shape of q",
    ("*median", "axis=[0, 1]"): "NumPy takes a list only where there are entries",
    ("*median", "axis=()"): "NumPy's reshape fails",
    ("cov", "no rows"): "NumPy forgets the dtype",
    ("corrcoef", "no rows"): "NumPy forgets the dtype",
    ("linalg.tensor*", "a number"): "NumPy's reshape fails",
    ("linalg.tensor*", "no "): "NumPy's reshape fails",
    ("fft.*", "a number"): "it raises, but NumPy looks at the axes first",
    ("fft.*", "NaN"): "NumPy's transform of real numbers spreads NaN differently",
    ("nan*", "single precision, dtype"): "NumPy computes in single precision nevertheless",
    ("poly*", "a number"): "NumPy raises for a number in the place of a vector",
    ("poly*", "m=0"): "NumPy returns what it got, of any shape",
    ("polydiv", "no rows"): "it raises", ("polyder", "no columns"): "NumPy takes it for empty",
    ("*space", "single precision, dtype"): "NumPy computes in single precision nevertheless",
    ("geomspace", "NaN"): "NumPy divides the last number by the sign of the first",
    ("*", "whole numbers, initial"): "NumPy makes the first number whole",
}  # fmt: skip
Call = tuple[str, tuple[Any, ...], dict[str, Any]]
LISTS = {"arrays", "tup"}  # sequences of arrays
SEPARATE = {  # called below, or by other tests
    "atleast_1d", "atleast_2d", "atleast_3d", "einsum", "block", "select", "piecewise",
    "apply_along_axis", "apply_over_axes", "gradient",
    "pad", "where", "meshgrid", "broadcast_arrays", "multi_dot", "interp", "take_along_axis",
    "resize",
    "polyfit", "roots", "eig", "eigh", "svd", "eigvals", "choose", "histogramdd", "histogram2d",
    "qr",
}  # fmt: skip
REFUSED = ("on a Tensor", "no derivative rule", "the order of its entries", "in memory is not kept")

FUNCTIONS = {
    path_of(function).removeprefix("numpy."): function
    for function, rule in BY_NUMPY.items()
    if not isinstance(rule, Constant | Refused) and function.__name__ not in SEPARATE
}


def calls(name: str) -> Iterator[Call]:
    """Calls of a function, with plain arrays: a description, arguments, keywords."""
    function = FUNCTIONS[name]
    for call in _ufunc_calls(function) if isinstance(function, np.ufunc) else _calls(function):
        if not any(fnmatch(name, of) and words in call[0] for of, words in EXEMPT):
            yield call


def _calls(function: Any) -> Iterator[Call]:
    parameters = inspect.signature(function).parameters
    values = {**VALUES, **OF.get(function.__name__, {})}
    required = [
        p.name for p in parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]  # fmt: skip
    for title, x in ARRAYS.items():
        first = [[x, x]] if required[0] in LISTS else [x]
        others = [values.get(p, [_partner(x)]) for p in required[1:]]
        basic = (*first, *(pool[0] for pool in others))
        yield title, basic, {}
        for k, pool in enumerate(others):
            for value in pool[1:]:
                given = (*basic[: k + 1], value, *basic[k + 2 :])
                yield f"{title}, {required[k + 1]}={value}", given, {}
        for p in parameters.values():
            if p.default is not p.empty and p.name in values:
                for value in values[p.name]:
                    yield f"{title}, {p.name}={value}", basic, {p.name: value}


def _partner(x: np.ndarray) -> Any:
    """A second array for a function of two."""
    return x[::-1] + x.dtype.type(1) if x.ndim else x * 2


def _ufunc_calls(ufunc: np.ufunc) -> Iterator[Call]:
    for title, x in ARRAYS.items():
        if ufunc.nin == 1:
            yield title, (x,), {}
            if ufunc.nout == 1:
                yield f"{title}, dtype", (x,), {"dtype": np.float64}
            continue
        row, column = np.array([0.5, 2.0, -1.0]), np.array([[0.5], [1.5]])
        for what, other in {
            "itself": x, "a row": row, "a column": column, "a float": 1.5, "an int": 2,
            "single": row.astype(np.float32), "a number": np.array(0.5), "too long": np.ones(7),
        }.items():  # fmt: skip
            yield f"{title} and {what}", (x, other), {}
            yield f"{what} and {title}", (other, x), {}


def outcome(function: Any, args: Any, kwargs: Any) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return error


def parts(result: Any) -> list[Any]:
    if isinstance(result, list | tuple):
        return [part for item in result for part in parts(item)]
    return [result]
