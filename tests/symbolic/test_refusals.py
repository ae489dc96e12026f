"""What has no derivation is refused in one sentence, which says what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tanh
from minigrad.primitives import PRIMITIVES
from minigrad.symbolic import derive
from minigrad.targets.parts import PARTS


class Unmakeable(nn.Cell):
    gates = ("a",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)

    def step(self, x: Any, h: Any) -> Any:
        return tanh(self.a(h, x))


def _cell(step: Callable[..., Any]) -> type[nn.Cell]:
    """A cell with the gate a, a square parameter W, dropout, and this step."""

    class Own(nn.Cell):
        gates = ("a",)

        def __init__(self, input_size: int, hidden_size: int, **rest: Any) -> None:
            self.W = mg.Parameter(np.eye(hidden_size))
            self.drop, self.calls = nn.Dropout(0.5, rng=0), 0
            super().__init__(input_size, hidden_size, **rest)

        def step(self, x: Any, h: Any) -> Any:
            self.calls += 1
            return step(self, x, h)

    return Own


REFUSED = {
    "a constant": (
        lambda s, x, h: (s.a(h, x), mg.Tensor(np.zeros(h.shape)))[1], "returned a constant as h"
    ),
    "chance": (lambda s, x, h: s.drop(s.a(h, x)), "draws random numbers, or counts"),
    "a count": (lambda s, x, h: s.a(h, x) * (1 + s.calls % 2), "draws random numbers, or counts"),
    "a size": (lambda s, x, h: s.a(h, x) * (s.hidden_size > 70), "by naming an instance"),
    "another size": (
        lambda s, x, h: s.a(h, x) * np.log(s.hidden_size), "which is not a power of them"
    ),
    "the batch": (
        lambda s, x, h: s.a(h, x) - h.mean(axis=0, keepdims=True), "keep the batch as first axis"
    ),
    "a lost axis": (
        lambda s, x, h: s.a(h, x) / h.sum(axis=-1)[:, None], "sums as an axis (keepdims=True)"
    ),
    "three axes": (
        lambda s, x, h: (s.a(h, x)[:, :, None] * h[:, None]).sum(-1), "only vectors"
    ),
    "two widths": (lambda s, x, h: s.a(h, x) + x, "input_size and hidden_size are equal"),
    "another order": (lambda s, x, h: s.a(h[:, ::-1], x), "no notation for the part"),
    "a constant matrix": (
        lambda s, x, h: s.a(h, x) @ np.eye(s.hidden_size), "with a constant array of shape"
    ),
    "a constant in a gate": (
        lambda s, x, h: s.a(h * 0.5, x) + s.a(np.ones(h.shape), x), "hands gate a a constant"
    ),
    "a matrix entry by entry": (
        lambda s, x, h: s.a(h, x) * (s.W * 2)[0], "uses getitem, which does not act on each entry"
    ),
    "einsum": (lambda s, x, h: s.a(np.einsum("bi,ij->bj", h, s.W), x), "no notation for einsum"),
    "a comparison alone": (lambda s, x, h: (s.a(h, x) > 0) * h, "uses nowhere else"),
    "the largest": (lambda s, x, h: s.a(h, x) * np.max(h), "makes an array of shape () by max"),
    "a branch": (lambda s, x, h: s.a(h, x) if (h != 1).any() else h, "branches on values"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_a_step_that_has_no_equations_is_refused_with_what_to_do(name: str) -> None:
    step, message = REFUSED[name]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        derive(_cell(step))
    assert str(caught.value).startswith("derive: ")
    assert "\n" not in str(caught.value)


def test_a_class_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="unexpected keyword argument 'rng'"):
        derive(Unmakeable)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive_is_derived_or_refused_in_one_line(name: str) -> None:
    try:
        assert "NOT THE SAME" not in derive(name).text()
    except ValueError as error:
        assert str(error).startswith("derive: ")
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("layer_norm", "no notation for layer_norm"),
        ("einsum", "no notation for einsum"),
        ("sum", "sum only moves or adds up entries"),
        ("rotary", r"an array of shape \(3, 2, 2\), which is not a matrix"),
        ("multi-head", "MultiheadAttention cannot be made and called as a module of matrices"),
    ],
)
def test_a_refusal_says_why_and_who_can_help(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        derive(name)
    assert "verify" in str(caught.value)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_derived_or_refused_in_one_line(name: str) -> None:
    module = PARTS[name].module()
    try:
        assert derive(name).title.endswith(name if module is None else type(module).__name__)
    except ValueError as error:
        assert str(error).startswith("derive: ")
        assert "\n" not in str(error)


@pytest.mark.parametrize("target", ["lstm", "attention", "tanh"])
def test_an_unknown_name_is_refused_with_those_there_are(target):
    with pytest.raises(ValueError, match=r"has no 'nonsense'; it has .+"):
        derive(target, wrt="nonsense")
