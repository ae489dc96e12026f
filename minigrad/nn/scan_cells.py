"""Cells that are affine in what they carry along, so that all steps can be computed at once.

Their gates do not see the state: the minimal GRU and LSTM, linear attention, and state-space
models. A layer of them with ``parallel=True`` takes ⌈log₂ T⌉ rounds for T steps: see
`minigrad.nn.scan`.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.cell import Cell
from minigrad.nn.module import Seed
from minigrad.primitives import cos, exp, sigmoid, sin, softplus, sqrt
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter

Term = tuple[Any, Array]
"""(d, u) of h_t = d ∘ h_{t−1} + u; d may be a number.

Example:
    >>> d, u = nn.MinGRUCell(3, 8).terms(np.ones((2, 3)))
    >>> d.shape, u.shape
    ((2, 8), (2, 8))
"""


class ScanCell(Cell):
    """A cell affine in its state, h_t = d_t ∘ h_{t−1} + u_t, where d and u depend on x alone.

    Subclasses write ``terms``; a layer of such a cell is computed for all steps at once with
    ``parallel=True``. One that shows something else than its state names that first, ``state =
    ("y", "h")``, and writes ``readout``; it may carry several states.

    Example:
        >>> class Leaky(nn.ScanCell):
        ...     gates = ("u",)
        ...     def terms(self, x):
        ...         return 0.9, 0.1 * self.u(x)
        >>> y, h = nn.Recurrent(3, 8, cell=Leaky, parallel=True)(np.ones((2, 5, 3)))
        >>> y.shape
        (2, 5, 8)
    """

    state: ClassVar[tuple[str, ...]] = ("h",)

    def terms(self, x: Array) -> Term | tuple[Term, ...]:
        """(d, u) of x: what is kept of the state, and what is added; for each that is carried."""
        raise NotImplementedError(f"{type(self).__name__} has no terms method")

    def readout(self, x: Array, *carried: Array) -> Array:
        """What the cell shows of x and the states after the step."""
        raise NotImplementedError(f"{type(self).__name__} has no readout method")

    def all_terms(self, x: Array) -> tuple[Term, ...]:
        """What `terms` gives, for one state as for several."""
        terms = self.terms(x)
        return terms if isinstance(terms[0], tuple) else (terms,)  # type: ignore[return-value]

    def step(self, x: Array, *state: Array) -> Array | tuple[Array, ...]:
        """One step."""
        terms = self.all_terms(x)
        before = state[-len(terms) :]
        after = tuple(
            h + u if isinstance(d, float) and d == 1 else d * h + u
            for (d, u), h in zip(terms, before, strict=True)
        )
        if len(after) == len(state):
            return after if len(after) > 1 else after[0]
        return self.readout(x, *after), *after


class MinGRUCell(ScanCell):
    """GRU without h in its gates (Feng et al. 2024, "Were RNNs all we needed?", section 3.1).

    Example:
        >>> y, h = nn.Recurrent(3, 8, cell=nn.MinGRUCell, parallel=True)(np.ones((2, 5, 3)))
        >>> y.shape
        (2, 5, 8)
    """

    gates = ("z", "h_tilde")

    def terms(self, x: Array) -> Term:
        """What is kept, and what is added."""
        z = sigmoid(self.z(x))
        return 1 - z, z * self.h_tilde(x)


class MinLSTMCell(ScanCell):
    """LSTM without h in its gates and without c (Feng et al. 2024, section 3.2).

    Example:
        >>> y, h = nn.Recurrent(3, 8, cell=nn.MinLSTMCell, parallel=True)(np.ones((2, 5, 3)))
        >>> y.shape
        (2, 5, 8)
    """

    gates = ("f", "i", "h_tilde")

    def terms(self, x: Array) -> Term:
        """What is kept, and what is added."""
        f = sigmoid(self.f(x))
        i = sigmoid(self.i(x))
        return f / (f + i), i / (f + i) * self.h_tilde(x)


class LinearAttentionCell(ScanCell):
    """Causal attention whose sums are carried along, with a key and a query for each unit.

    Katharopoulos et al. 2020, equations 18 to 20, entry by entry as in the attention-free
    transformer (Zhai et al. 2021, equation 3): s_t = s_{t−1} + φ(k_t) ∘ v_t and
    z_t = z_{t−1} + φ(k_t) with φ = softplus, y_t = σ(q_t) ∘ s_t / z_t. A step costs the same
    however many there were.

    Example:
        >>> layer = nn.Recurrent(3, 8, cell=nn.LinearAttentionCell, parallel=True)
        >>> y, (last, s, z) = layer(np.ones((2, 5, 3)))
        >>> y.shape, s.shape
        ((2, 5, 8), (1, 2, 8))
    """

    state = ("y", "s", "z")
    gates = ("q", "k", "v")

    def terms(self, x: Array) -> tuple[Term, ...]:
        """The sum of the values, each times its key, and that of the keys."""
        k = softplus(self.k(x))
        return (1.0, k * self.v(x)), (1.0, k)

    def readout(self, x: Array, s: Array, z: Array) -> Array:
        """The mean of the values, as far as the query opens."""
        return sigmoid(self.q(x)) * s / (z + 1e-6)


class S4DCell(ScanCell):
    """Diagonal state-space model with real poles (Gu et al. 2022, S4D, sections 2 and 3).

    h′ = −a h + B x, held over steps of length Δ: h_t = e^(−Δa) ∘ h_{t−1} + (1 − e^(−Δa)) / a ∘
    (B x_t), and y_t = C h_t + D x_t. Learned are log a, which starts as log 1 … log H (S4D-Real),
    and log Δ, drawn evenly from log 0.001 to log 0.1.

    Example:
        >>> layer = nn.Recurrent(3, 8, cell=nn.S4DCell, parallel=True)
        >>> y, (last, h) = layer(np.ones((2, 5, 3)))
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    state = ("y", "h")
    gates = ("b", "c")
    unbiased = ("b", "c")
    vectors = MappingProxyType({"log_a": 0.0, "log_dt": 0.0})
    log_a: Parameter
    log_dt: Parameter

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Seed = None, **rest: Any
    ) -> None:
        generator = np.random.default_rng(rng)
        super().__init__(input_size, hidden_size, bias, rng=generator, **rest)
        kind = self.log_a.dtype
        self.log_a.data = np.log(np.arange(1, hidden_size + 1)).astype(kind)
        low, high = math.log(0.001), math.log(0.1)
        self.log_dt.data = generator.uniform(low, high, hidden_size).astype(kind)

    def terms(self, x: Array) -> Term:
        """What is left after Δ, and what x adds in that time."""
        a = exp(self.log_a)
        kept = exp(-exp(self.log_dt) * a)
        return kept, (1 - kept) / a * self.b(x)

    def readout(self, x: Array, h: Array) -> Array:
        """C h + D x."""
        return self.c(h, x)


class SelectiveSSMCell(ScanCell):
    """State-space model whose step length, input and output depend on x (Gu & Dao 2023, Mamba).

    With Δ_t = softplus(W x_t + b): h_t = e^(−Δ_t a) ∘ h_{t−1} + Δ_t ∘ B_t ∘ u_t and
    y_t = C_t ∘ h_t + d ∘ u_t, where B_t, C_t and u_t are affine maps of x_t: equations 1 and 2 and
    algorithm 2, with one state for each unit. Learned are also log a, which starts as
    log 1 … log H, and d.

    Example:
        >>> layer = nn.Recurrent(3, 8, cell=nn.SelectiveSSMCell, parallel=True)
        >>> y, (last, h) = layer(np.ones((2, 5, 3)))
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    state = ("y", "h")
    gates = ("dt", "b", "u", "c")
    unbiased = ("b", "c")
    vectors = MappingProxyType({"log_a": 0.0, "d": 1.0})
    log_a: Parameter
    d: Parameter

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, **rest: Any) -> None:
        super().__init__(input_size, hidden_size, bias, **rest)
        self.log_a.data = np.log(np.arange(1, hidden_size + 1)).astype(self.log_a.dtype)

    def terms(self, x: Array) -> Term:
        """What is left after Δ_t, and what u_t adds in that time."""
        dt = softplus(self.dt(x))
        return exp(-dt * exp(self.log_a)), dt * self.b(x) * self.u(x)

    def readout(self, x: Array, h: Array) -> Array:
        """C_t ∘ h_t + d ∘ u_t."""
        return self.c(x) * h + self.d * self.u(x)


class LRUCell(Cell):
    """Linear recurrent unit: states that turn and fade (Orvieto et al. 2023, equations 5 to 7).

    With λ = e^(−e^ν + iθ), a complex number for each unit, h_t = λ ∘ h_{t−1} + γ ∘ B x_t and
    y_t = C h_t + D x_t, here in real and imaginary parts; γ = √(1 − |λ|²). |λ| starts between
    0.9 and 0.999, and θ between 0 and π/10.

    Example:
        >>> y, (last, re, im) = nn.Recurrent(3, 8, cell=nn.LRUCell)(np.ones((2, 5, 3)))
        >>> y.shape, re.shape
        ((2, 5, 8), (1, 2, 8))
    """

    state = ("y", "re", "im")
    gates = ("b_re", "b_im", "c")
    unbiased = ("b_re", "b_im", "c")
    vectors = MappingProxyType({"nu": 0.0, "theta": 0.0})
    nu: Parameter
    theta: Parameter

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Seed = None, **rest: Any
    ) -> None:
        generator = np.random.default_rng(rng)
        super().__init__(input_size, hidden_size, bias, rng=generator, **rest)
        kind = self.nu.dtype
        size = np.sqrt(generator.uniform(0.9**2, 0.999**2, hidden_size))
        self.nu.data = np.log(-np.log(size)).astype(kind)
        self.theta.data = generator.uniform(0, np.pi / 10, hidden_size).astype(kind)

    def step(self, x: Array, y: Array, re: Array, im: Array) -> tuple[Array, ...]:
        """One step."""
        size = exp(-exp(self.nu))
        gain = sqrt(1 - size * size)
        along, across = size * cos(self.theta), size * sin(self.theta)
        new_re = along * re - across * im + gain * self.b_re(x)
        new_im = across * re + along * im + gain * self.b_im(x)
        return self.c(new_re, new_im, x), new_re, new_im
