"""Which function of NumPy does what on a Tensor: the list, made from the table of answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from minigrad.primitives.calls import Constant, Refused
from minigrad.primitives.primitive import BY_NUMPY, Primitive
from minigrad.tensor import MAKERS

Kind = Literal["rule", "composition", "buffer", "constant", "refused", "numbers only"]
"""A kind of answer.

Example:
    >>> from typing import get_args
    >>> from minigrad.coverage import KINDS, Kind
    >>> set(get_args(Kind)) == KINDS.keys()
    True
"""
KINDS: dict[Kind, str] = {
    "rule": "is a primitive with a derivative rule of its own",
    "composition": "is made of primitives, from whose rules its derivative follows",
    "buffer": "makes an array whose changes by assignment are recorded, or is such a change",
    "constant": "gives NumPy's own result, such as flags, positions or counts: its derivative is 0",
    "refused": "raises TypeError, for the reason given",
    "numbers only": "never reaches a Tensor, for the reason given",
}
"""What each kind of answer means.

Example:
    >>> from minigrad.coverage import KINDS
    >>> KINDS["rule"]
    'is a primitive with a derivative rule of its own'
"""


class Answer(NamedTuple):
    """What a function of NumPy does on a Tensor.

    Example:
        >>> from minigrad.coverage import Answer, answers
        >>> Answer("np.tanh", "rule", "") in answers()
        True
    """

    name: str
    kind: Kind
    note: str


_MODULES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}
_AWAY: dict[str, tuple[str, ...]] = {  # why NumPy hands no Tensor on
    "it makes an array of sizes, ranges or numbers; minigrad.zeros, ones, full and empty make "
    "arrays to be filled with Tensors": (
        "arange", "array", "bartlett", "blackman", "diag_indices", "empty", "eye", "fftfreq",
        "full", "hamming", "hanning", "identity", "indices", "kaiser", "mask_indices", "ones",
        "rfftfreq", "tri", "tril_indices", "triu_indices", "zeros"),
    "it makes an array of what it gets, of a Tensor entry by entry; minigrad.array joins Tensors": (
        "asanyarray", "asarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray",
        "asmatrix", "bmat", "require"),
    "it is another name of vstack": ("row_stack",),
    "it reads files, text, memory or other objects": (
        "from_dlpack", "frombuffer", "fromfile", "fromfunction", "fromiter", "fromregex",
        "fromstring", "genfromtxt", "load", "loadtxt"),
    "it is about types, shapes or memory": (
        "broadcast_shapes", "datetime_data", "isdtype", "isfortran", "isscalar", "issubdtype",
        "iterable", "mintypecode", "nested_iters", "promote_types", "typename"),
    "it is about text, settings or NumPy itself": (
        "base_repr", "binary_repr", "format_float_positional", "format_float_scientific",
        "frompyfunc", "get_include", "get_printoptions", "getbufsize", "geterr", "geterrcall",
        "info", "printoptions", "set_printoptions", "setbufsize", "seterr", "seterrcall",
        "show_config", "show_runtime", "test"),
}  # fmt: skip
_REASON = {name: reason for reason, names in _AWAY.items() for name in names}


def answers() -> Iterator[Answer]:
    """Every public function of ``numpy``, ``numpy.linalg`` and ``numpy.fft``, with its answer.

    Raises:
        LookupError: one of them is in no list.

    Example:
        >>> from minigrad.coverage import answers
        >>> {a.name: a.kind for a in answers()}["np.tanh"]
        'rule'
    """
    for path, module in _MODULES.items():
        for name in sorted(vars(module) | dict.fromkeys(dir(module))):
            function = getattr(module, name)
            if name.startswith("_") or not callable(function) or isinstance(function, type):
                continue
            if function in MAKERS and function in BY_NUMPY:
                yield Answer(f"{path}.{name}", "buffer", "")
            elif function in BY_NUMPY:
                yield _answer(f"{path}.{name}", BY_NUMPY[function])
            elif name in _REASON:
                yield Answer(f"{path}.{name}", "numbers only", _REASON[name])
            else:
                raise LookupError(f"{path}.{name}: nothing answers to it, and no reason is given")


def _answer(name: str, rule: Callable[..., Any]) -> Answer:
    if isinstance(rule, Primitive):
        return Answer(name, "rule", rule.nonsmooth)
    if isinstance(rule, Constant):
        return Answer(name, "constant", "")
    if isinstance(rule, Refused):
        return Answer(name, "refused", rule.reason)
    return Answer(name, "composition", "")


def table() -> str:
    """The answers in Markdown: a paragraph for each kind, and the notes of single functions.

    Example:
        >>> from minigrad.coverage import table
        >>> table().startswith("## Rule: ")
        True
    """
    found = list(answers())
    parts = []
    for kind, meaning in KINDS.items():
        of_kind = [answer for answer in found if answer.kind == kind]
        parts.append(f"## {kind.capitalize()}: {len(of_kind)}\n\nEach {meaning}.\n")
        notes: dict[str, list[str]] = {}
        for answer in of_kind:
            notes.setdefault(answer.note, []).append(f"`{answer.name}`")
        for note, names in sorted(notes.items(), key=lambda item: (item[0] != "", -len(item[1]))):
            parts.append(f"- {', '.join(names)}{f': {note}' if note else ''}")
        parts.append("")
    return "\n".join(parts)


__doc__ = f"{__doc__}\n{table()}"
