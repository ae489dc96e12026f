"""The page that says what each function of NumPy does on a Tensor is whole, and true."""

from __future__ import annotations

import types

import numpy as np
import pytest

import minigrad as mg
from minigrad import coverage

ANSWERS = {answer.name: answer for answer in coverage.answers()}


def function(name):
    module, _, last = name.rpartition(".")
    return getattr({"np": np, "np.linalg": np.linalg, "np.fft": np.fft}[module], last)


def test_every_function_that_numpy_hands_a_tensor_has_an_answer_or_a_reason():
    kinds = types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.sum)
    for path, module in (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)):
        for name in dir(module):
            if isinstance(getattr(module, name), kinds) and not name.startswith("_"):
                assert f"{path}.{name}" in ANSWERS
    for name, answer in ANSWERS.items():
        handed_on = isinstance(function(name), np.ufunc) or hasattr(
            function(name), "_implementation"
        )
        assert handed_on or answer.kind in ("numbers only", "composition"), name
        assert answer.note or answer.kind in ("rule", "composition", "constant", "buffer")


def test_a_function_without_an_answer_is_noticed(monkeypatch):
    monkeypatch.setattr(np.fft, "chirp", lambda x: x, raising=False)
    with pytest.raises(LookupError, match=r"np\.fft\.chirp: nothing answers"):
        list(coverage.answers())


@pytest.mark.parametrize("name", [n for n, a in ANSWERS.items() if a.kind == "constant"])
def test_constants_record_nothing(name):
    x = mg.Tensor(np.array([[1.0, 2.0], [3.0, 5.0]]), requires_grad=True)
    for arguments in ((x,), (x, x), (x, 1), (x, (2, 2)), ((x, x), (4, 4))):
        try:
            result = function(name)(*arguments)
        except (TypeError, ValueError, AttributeError):
            continue
        results = result if isinstance(result, tuple) else (result,)
        assert not any(getattr(part, "requires_grad", False) for part in results)


@pytest.mark.parametrize("name", [n for n, a in ANSWERS.items() if a.kind == "refused"])
def test_refusals_give_their_reason(name):
    x = mg.Tensor(np.ones((2, 2)), requires_grad=True)
    first = np.zeros((2, 2)) if name == "np.copyto" else "file" if ".save" in name else x
    others = (x,) if name != "np.put_along_axis" else (np.zeros((2, 2), int), x, 0)
    if name in ("np.place", "np.put", "np.putmask"):
        others = (np.zeros((2, 2), int), x)
    if name in ("np.datetime_as_string", "np.is_busday"):
        others = ()
    with pytest.raises(TypeError):
        function(name)(first, *others)


def test_the_page_lists_each_function_once_under_its_kind():
    page = coverage.table()
    for kind in coverage.KINDS:
        section = page.split(f"## {kind.capitalize()}: ")[1].split("## ")[0]
        for name, answer in ANSWERS.items():
            assert (f"`{name}`" in section) == (answer.kind == kind)
        assert section.startswith(str(sum(a.kind == kind for a in ANSWERS.values())))
