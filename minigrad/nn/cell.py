"""Cell and Gate: what a recurrent cell is made of, and what every cell can do."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minigrad.nn.formats import (
    Gates,
    is_packed,
    keras_of_cell,
    packed,
    pytorch_hint,
    set_keras_of_cell,
    unpack,
)
from minigrad.nn.linear import check_width
from minigrad.nn.module import Module, Seed, check_size
from minigrad.nn.module import State as Arrays
from minigrad.primitives import tanh
from minigrad.primitives.primitive import Array
from minigrad.scope import no_grad, scope
from minigrad.tensor import Parameter, Tensor

State = Array | tuple[Array, ...]


class Gate(Module):
    """An affine map of what a cell hands it: W · [h, x] + b.

    It learns the widths of its operands from the first call, which `Cell` makes, and which of
    them depend on the state: there the state is NaN.

    Args:
        out_features: width of the result.
        bias: whether there is a b; if not, it is 0 and no parameter.
        rng: generator of the initial weights, uniform in ±1/√out_features.
        dtype: of the parameters.

    Example:
        >>> cell = nn.LSTMCell(3, 8)
        >>> cell.f
        Gate(weight: (8, 11), bias: (8,))
        >>> cell.f.weight.shape
        (8, 11)
    """

    weight: Parameter
    bias: Tensor

    def __init__(
        self, out_features: int, bias: bool = True, *, rng: np.random.Generator, dtype: Any
    ) -> None:
        self.out_features, self.has_bias = out_features, bias
        self.widths: tuple[int, ...] = ()
        self.recurrent: tuple[bool, ...] = ()
        self._rng, self._dtype = rng, dtype

    def __call__(self, *operands: Array) -> Array:
        """The gate's value before its activation, (batch, out_features)."""
        with scope("gate", self.name):
            return self.forward(*operands)

    def forward(self, *operands: Array) -> Array:
        """W · [operands] + b.

        Raises:
            ValueError: the operands have other widths than at the first call.
        """
        widths = tuple(operand.shape[-1] for operand in operands)
        if not self.widths:
            self.recurrent = tuple(bool(np.isnan(operand).any()) for operand in operands)
            self._build(widths)
        if widths != self.widths:
            raise ValueError(
                f"gate {self.name}: got operands of widths {widths}, expected {self.widths}"
            )
        joined = np.concatenate(operands, axis=-1) if len(operands) > 1 else operands[0]
        product = joined @ self.weight.T
        return product + self.bias if self.has_bias else product

    def columns(self, *, recurrent: bool) -> np.ndarray:
        """Which columns of the weight meet the state, or only the input."""
        return np.repeat(np.array(self.recurrent) == recurrent, self.widths)

    def _build(self, widths: tuple[int, ...]) -> None:
        bound = self.out_features**-0.5
        draw = self._rng.uniform
        weight = draw(-bound, bound, (self.out_features, sum(widths)))
        self.weight = Parameter(weight.astype(self._dtype))
        bias = draw(-bound, bound, self.out_features).astype(self._dtype)
        if self.has_bias:
            self.bias = Parameter(bias)
        else:
            self.register_buffer("bias", Tensor(np.zeros_like(bias)), persistent=False)
        self.widths = widths


class Cell(Module):
    """One step of a recurrent network. Subclasses give ``state``, ``gates`` and ``step``.

    Args:
        input_size: width of x_t.
        hidden_size: width of every state and gate.
        bias: whether the gates have one.
        activation: the function used in place of the cell's tanh.
        rng: seed or generator of the initial weights.
        dtype: of the parameters.

    Attributes:
        state: names of the states, h first.
        gates: names of the affine maps that ``step`` calls; each is a `Gate`.
        vectors: names of parameters with one number per unit, and their initial value.
        unbiased: names of gates that never have a bias.
        packing: the gates in the order in which PyTorch's arrays hold them, where it has the
            cell; a pair is one gate of x and one of h.
        projection: the gate that is PyTorch's ``weight_hr``, if there is one.
        keras: as ``packing``, for Keras; "1-z" where its gate is 1 − z of ours.
        twin: what to do about PyTorch's weights, where it has a variant of the cell.

    Shapes:
        x (batch, input_size), each state (batch, hidden_size). Gate k has ``k.weight``
        (hidden_size, sum of its operands' widths) and ``k.bias`` (hidden_size,).

    Raises:
        ValueError: sizes that are not positive integers; or ``state``, ``gates`` and ``step`` do
            not fit each other: the message says how.

    Warns:
        UserWarning: ``step`` does not call a gate, which then is no part of the cell.

    Example:
        >>> cell = nn.LSTMCell(3, 8)
        >>> h, c = cell(np.ones((2, 3)))
        >>> h, c = cell(np.ones((2, 3)), (h, c))
        >>> h.shape
        (2, 8)
    """

    state: ClassVar[tuple[str, ...]] = ("h",)
    gates: ClassVar[tuple[str, ...]] = ()
    vectors: ClassVar[Mapping[str, float]] = MappingProxyType({})
    unbiased: ClassVar[tuple[str, ...]] = ()
    packing: ClassVar[Gates] = ()
    projection: ClassVar[str] = ""
    keras: ClassVar[Gates] = ()
    twin: ClassVar[str] = ""
    activation: Callable[[Array], Array] = staticmethod(tanh)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        activation: Callable[[Array], Array] | None = None,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, input_size=input_size, hidden_size=hidden_size)
        self._check_declaration()
        self.input_size, self.hidden_size, self.has_bias = input_size, hidden_size, bool(bias)
        if activation is not None:
            self.activation = activation
        generator = np.random.default_rng(rng)
        for name in self.gates:
            biased = self.has_bias and name not in self.unbiased
            setattr(self, name, Gate(self.size_of(name), biased, rng=generator, dtype=dtype))
        for name, value in self.vectors.items():
            setattr(self, name, Parameter(np.full(self.size_of(name), value, dtype)))
        # The dry run: each gate learns its width, and what is NaN depends on the state
        with no_grad(), np.errstate(invalid="ignore"):
            x = Tensor(np.zeros((1, input_size), dtype))
            sizes = [self.size_of(name) for name in self.state]
            before = [Tensor(np.full((1, size), np.nan, dtype)) for size in sizes]
            after = self._checked(self.step(x, *before))
        self._check_run(after)

    if TYPE_CHECKING:  # the gates, which are made from their names

        def __getattr__(self, name: str) -> Gate: ...
    else:

        def __getattr__(self, name: str) -> Any:
            cell = type(self).__name__
            if name in type(self).gates and "gates" in vars(self):
                raise AttributeError(
                    f"{cell}: the gate {name!r} has no weights, because step did not call it "
                    "when the cell was made; let it call every gate whatever x is"
                )
            if name.startswith("_") or name in type(self).gates:
                raise AttributeError(f"{cell} has no attribute {name!r} yet")
            if "input_size" not in vars(self):
                raise AttributeError(
                    f"{cell} has no attribute {name!r} yet: its __init__ must call "
                    "super().__init__(input_size, hidden_size, **options) first"
                )
            raise AttributeError(
                f"{cell} has no gate and no attribute {name!r}; its gates are {self.gates!r}. "
                "What else step reads must be set before super().__init__, which calls step once"
            )

    def size_of(self, name: str) -> int:
        """Width of the state, gate or vector of this name."""
        return self.hidden_size

    def step(self, x: Array, *state: Array) -> State:
        """The cell's equations: x_t and the state before → the state after."""
        raise NotImplementedError(f"{type(self).__name__} has no step method")

    def forward(self, x: Array, state: State | None = None) -> State:
        """One step from ``state``, zeros if ``None``; returns the new state as it was given.

        Raises:
            ValueError: x or a state has the wrong shape.
        """
        check_width(self, x, self.input_size)
        expected = tuple((*x.shape[:-1], self.size_of(name)) for name in self.state)
        if state is None:
            state = tuple(np.zeros(shape, x.dtype) for shape in expected)
        before = state if isinstance(state, tuple) else (state,)
        if len(before) != len(self.state) or any(
            s.shape != shape for s, shape in zip(before, expected, strict=True)
        ):
            got = ", ".join(str(s.shape) for s in before)
            raise ValueError(
                f"{type(self).__name__}: got a state of shape {got}, expected "
                f"{states_with_shapes(self.state, expected)} for x {x.shape}"
            )
        after = self._checked(self.step(x, *before))
        for name, value in zip(self.state, after, strict=True):
            if isinstance(value, Tensor) and value.name is None:
                value.name = name
        return after if len(after) > 1 else after[0]

    # Weights

    def state_dict(self) -> Arrays:
        """A copy of every parameter's array; in PyTorch's names and packing where it has the cell.

        There are ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``, the gates one above
        the other. PyTorch adds two biases where there is one here: the second is written as 0.
        """
        return packed(self) if is_packed(self) else super().state_dict()

    def assign_state(self, state: Arrays) -> None:
        """Take over the arrays that `load_state_dict` has checked."""
        if is_packed(self):
            unpack(self, state)
        else:
            super().assign_state(state)

    def state_hint(self, state: Mapping[str, np.ndarray]) -> str:
        """What to do about PyTorch's weights of a variant of this cell."""
        return pytorch_hint(self, state)

    def keras_weights(self) -> list[np.ndarray]:
        """Kernel, recurrent kernel and bias, as Keras has them."""
        return keras_of_cell(self)

    def assign_keras_weights(self, arrays: Iterator[np.ndarray]) -> None:
        """Take over kernel, recurrent kernel and bias."""
        set_keras_of_cell(self, arrays)

    # What a user's class may have wrong

    def _check_declaration(self) -> None:
        """Refuse ``state``, ``gates`` and ``step`` that do not fit each other."""
        cell = type(self).__name__
        for what in ("state", "gates"):
            names = getattr(type(self), what)
            if isinstance(names, str):
                raise ValueError(
                    f"{cell}: {what} is the string {names!r}, expected a tuple of names: "
                    f"{what} = ({names!r},)"
                )
            wrong = [n for n in names if not isinstance(n, str) or not n.isidentifier()]
            if wrong or len(set(names)) != len(names):
                fault = f"{wrong[0]!r} is not a Python name" if wrong else "a name occurs twice"
                raise ValueError(f"{cell}: got {what} = {names!r}, and {fault}")
        for name in (*self.gates, *self.vectors):
            if hasattr(type(self), name):
                raise ValueError(
                    f"{cell}: the gate or vector {name} has the name of a method or attribute of "
                    "the class; rename it"
                )
        wanted = f"step(self, x, {', '.join(self.state)})"
        try:
            parameters = list(inspect.signature(self.step).parameters.values())
        except (TypeError, ValueError):  # not a function of Python's
            return
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return
        needed = [p.name for p in parameters if p.default is p.empty]
        if not len(needed) <= 1 + len(self.state) <= len(parameters):
            raise ValueError(
                f"{cell}: step takes {', '.join(needed) or 'nothing'} and state = {self.state!r}; "
                f"expected {wanted}"
            )
        if parameters[0].name in self.state:
            raise ValueError(
                f"{cell}: state = {self.state!r} has the name of step's input, "
                f"{parameters[0].name}; rename one of them"
            )
        names = tuple(p.name for p in parameters[1 : 1 + len(self.state)])
        if names != self.state and sorted(names) == sorted(self.state):
            raise ValueError(
                f"{cell}: step takes {', '.join(names)}, in another order than state = "
                f"{self.state!r}; expected {wanted}"
            )

    def _check_run(self, after: tuple[Array, ...]) -> None:
        """Refuse a step whose states have other widths; a gate that it leaves out is no part."""
        cell = type(self).__name__
        for name, value in zip(self.state, after, strict=True):
            if np.shape(value) != (1, self.size_of(name)):
                raise ValueError(
                    f"{cell}: step returns {name} of shape {np.shape(value)} for one sequence, "
                    f"expected {(1, self.size_of(name))}"
                )
        if not any(isinstance(value, Tensor) for value in after):
            raise ValueError(
                f"{cell}: step returned NumPy arrays, through which no gradient flows, expected "
                "Tensors: compute with the Tensors themselves, not with their .data"
            )
        unused = [name for name in self.gates if not vars(self)[name].widths]
        if unused:
            warnings.warn(
                f"{cell}: step does not call the gate {', '.join(unused)}, which has no weights; "
                "call it, or leave it out of gates",
                stacklevel=3,
            )
            vars(self)["gates"] = tuple(name for name in self.gates if name not in unused)
            for name in unused:
                del vars(self)[name]

    def _checked(self, after: Any) -> tuple[Array, ...]:
        if after is None:
            raise ValueError(
                f"{type(self).__name__}: step returned None, expected the new "
                f"{', '.join(self.state)}: does it end with return?"
            )
        after = after if isinstance(after, tuple) else (after,)
        other = [type(value).__name__ for value in after if not hasattr(value, "dtype")]
        if other:
            raise TypeError(
                f"{type(self).__name__}.step: returned a {other[0]}, expected a Tensor, or a tuple "
                f"of one for each state: {', '.join(self.state)}"
            )
        if len(after) != len(self.state):
            got = "one value" if len(after) == 1 else f"{len(after)} values"
            raise ValueError(
                f"{type(self).__name__}.step: returned {got}, expected "
                f"{len(self.state)}: {', '.join(self.state)}"
            )
        return after


def states_with_shapes(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    """What a state should be, in words: each name with its shape, and that several are a tuple."""
    each = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
    return each if len(names) == 1 else f"{each}, as a tuple ({', '.join(names)})"
