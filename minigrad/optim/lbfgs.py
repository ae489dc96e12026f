"""L-BFGS: steps along a direction that the last gradients suggest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from minigrad.optim.optimizer import Optimizer, Parameters
from minigrad.scope import enable_grad
from minigrad.tensor import raw

_SMALL = 1e-10  # curvature below which a pair is not remembered


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last gradients (Nocedal & Wright 2006, algorithm 7.5).

    `step` takes a function that computes the loss and its gradients, as it needs them at several
    points: up to ``max_iter`` iterations are one call.

    Args:
        parameters: what is learned, all in one group.
        lr: length of a step; the first one is at most lr / ‖g‖₁ long.
        max_iter: most iterations in a call.
        max_eval: most evaluations in a call; 1.25 · ``max_iter`` if not given.
        tolerance_grad: it ends where no entry of the gradient is larger.
        tolerance_change: it ends where neither the loss nor any entry moves by more.
        history_size: how many pairs of steps and gradient changes are remembered.
        line_search_fn: ``"strong_wolfe"`` looks for a length that fulfils Wolfe's strong
            conditions (algorithms 3.5 and 3.6); ``None`` takes lr.

    Raises:
        ValueError: groups of parameters, or a setting out of range.
        TypeError: a step without such a function.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([-1.2, 1.0]))
        >>> optimizer = optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2  # Rosenbrock's valley
        ...     loss.backward()
        ...     return loss
        >>> _ = optimizer.step(closure)
        >>> print(w.data.round(4))
        [1. 1.]
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = None,
    ) -> None:
        super().__init__(parameters, lr)
        if len(self.group_lrs) > 1:
            raise ValueError("LBFGS: got groups of parameters, expected one: they move together")
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(
                f"LBFGS: got line_search_fn={line_search_fn!r}, expected 'strong_wolfe' or None"
            )
        self.check(max_iter=(max_iter, 1, np.inf), history_size=(history_size, 1, np.inf))
        self.max_iter, self.line_search_fn = max_iter, line_search_fn
        self.max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        self.tolerance_grad, self.tolerance_change = tolerance_grad, tolerance_change
        self.history_size = history_size
        size = sum(p.size for p in self.parameters)
        self.memory = _Memory(history_size, size)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate.

        Args:
            closure: forgets the gradients, computes the loss and its gradients, and returns the
                loss.

        Returns:
            The loss before the first iteration.
        """
        if closure is None:
            raise TypeError("LBFGS.step: got no closure, expected a function that returns the loss")

        def evaluate() -> tuple[Any, float, np.ndarray]:
            with enable_grad():
                loss = closure()
            return loss, float(raw(loss)), self._flat_grad()

        first, value, grad = evaluate()
        evaluations = 1
        self.steps = [n + 1 for n in self.steps]
        if np.abs(grad).max(initial=0) <= self.tolerance_grad:
            return first
        memory = self.memory
        for iteration in range(1, self.max_iter + 1):
            direction = memory.direction(grad)
            length = self.lr
            if memory.iterations == 1:
                length *= min(1.0, 1.0 / float(np.abs(grad).sum()))
            slope = float(grad @ direction)
            if slope > -self.tolerance_change:
                break
            start, old_value, old_grad = self._flat(), value, grad
            if self.line_search_fn == "strong_wolfe":

                def along(t: float) -> Point:
                    self._set(start + t * direction)  # noqa: B023
                    _, value, grad = evaluate()
                    return Point(t, value, grad, float(grad @ direction))  # noqa: B023

                least = self.tolerance_change / float(np.abs(direction).max())
                found, used = strong_wolfe(along, length, Point(0.0, value, grad, slope), least)
                length, value, grad = found.length, found.value, found.grad
                evaluations += used
                self._set(start + length * direction)
            else:
                self._set(start + length * direction)
                if iteration != self.max_iter:
                    _, value, grad = evaluate()
                    evaluations += 1
            memory.pending = length * direction, old_grad
            if (
                evaluations >= self.max_eval
                or np.abs(grad).max() <= self.tolerance_grad
                or np.abs(length * direction).max() <= self.tolerance_change
                or abs(value - old_value) < self.tolerance_change
            ):
                break
        return first

    def _flat(self) -> np.ndarray:
        return np.concatenate([raw(p).ravel() for p in self.parameters])

    def _flat_grad(self) -> np.ndarray:
        grads = (np.zeros(p.shape, p.dtype) if p.grad is None else p.grad for p in self.parameters)
        return np.concatenate([np.asarray(raw(g)).ravel() for g in grads])

    def _set(self, flat: np.ndarray) -> None:
        start = 0
        for parameter in self.parameters:
            part = flat[start : start + parameter.size].reshape(parameter.shape)
            parameter.data = part.astype(parameter.dtype)
            start += parameter.size

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all that it remembers."""
        return super().state_dict() | self.memory.state()

    def load_state_dict(self, state: Any) -> None:
        """Go on from a state that `state_dict` gave; all or nothing."""
        super().load_state_dict(state)
        self.memory.load(state)


class _Memory:
    """The last steps and gradient changes, in arrays of fixed sizes."""

    def __init__(self, most: int, size: int) -> None:
        self.moves, self.changes = np.zeros((most, size)), np.zeros((most, size))
        self.count, self.iterations, self.scale = 0, 0, 1.0
        self.pending: tuple[np.ndarray, np.ndarray] | None = None  # a step, the gradient before it

    def direction(self, grad: np.ndarray) -> np.ndarray:
        """−H g by two loops over the pairs (Nocedal & Wright, algorithm 7.4)."""
        self.iterations += 1
        if self.pending is not None:
            move, before = self.pending
            self._remember(move, grad - before)
        pairs = list(zip(self.moves[: self.count], self.changes[: self.count], strict=True))
        q, alphas = -grad, []
        for move, change in reversed(pairs):
            alphas.append(move @ q / (move @ change))
            q = q - alphas[-1] * change
        q = q * self.scale
        for (move, change), alpha in zip(pairs, reversed(alphas), strict=True):
            q = q + (alpha - change @ q / (move @ change)) * move
        return q

    def _remember(self, move: np.ndarray, change: np.ndarray) -> None:
        """Add a pair, if it shows a positive curvature; the oldest is forgotten."""
        curvature = float(move @ change)
        if curvature <= _SMALL:
            return
        if self.count == len(self.moves):
            self.moves, self.changes = np.roll(self.moves, -1, 0), np.roll(self.changes, -1, 0)
            self.count -= 1
        self.moves[self.count], self.changes[self.count] = move, change
        self.count += 1
        self.scale = curvature / float(change @ change)

    def state(self) -> dict[str, np.ndarray]:
        """Copies, by name."""
        none = np.zeros(self.moves.shape[1])
        move, before = (none, none) if self.pending is None else self.pending
        numbers = np.array([self.count, self.iterations, self.scale, self.pending is not None])
        return {
            "moves": self.moves.copy(), "changes": self.changes.copy(), "memory": numbers,
            "last_move": move.copy(), "last_grad": before.copy(),
        }  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.moves[...], self.changes[...] = state["moves"], state["changes"]
        count, iterations, self.scale, pending = np.asarray(state["memory"]).tolist()
        self.count, self.iterations = int(count), int(iterations)
        last = np.array(state["last_move"]), np.array(state["last_grad"])
        self.pending = last if pending else None


# The line search


class Point(NamedTuple):
    """A length along a direction: the loss there, its gradient, and its slope along it."""

    length: float
    value: float
    grad: np.ndarray
    slope: float


def strong_wolfe(
    along: Callable[[float], Point],
    length: float,
    start: Point,
    least: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    most: int = 25,
) -> tuple[Point, int]:
    """A length that satisfies Wolfe's strong conditions (Nocedal & Wright 2006, alg. 3.5 and 3.6).

    The loss there is at most start + c1 · length · slope, and its slope at most c2 · |slope| in
    size. Lengths in between come from cubics through the values and slopes at two points.

    Args:
        along: length → the point there.
        length: the first to try.
        start: the point at 0, where the slope is negative.
        least: the search ends in a bracket that is shorter.
        c1: the constant of sufficient decrease.
        c2: the constant of curvature.
        most: how many lengths are tried at most, beside the first.

    Returns:
        The point, and how many lengths were tried.

    Example:
        >>> from minigrad.optim.lbfgs import Point, strong_wolfe
        >>> def along(t):  # (t − 3)², downhill up to 3
        ...     return Point(t, (t - 3) ** 2, np.array([2 * (t - 3)]), 2 * (t - 3))
        >>> point, tried = strong_wolfe(along, 1.0, along(0.0), 1e-9)
        >>> point.length
        1.0
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + c1 * point.length * start.slope

    def flat_enough(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    before, point, tried = start, along(length), 1
    bracket: tuple[Point, Point] | None = None
    for rounds in range(most):
        if too_high(point) or (rounds > 1 and point.value >= before.value):
            bracket = before, point
        elif flat_enough(point):
            return point, tried
        elif point.slope >= 0:
            bracket = before, point
        if bracket is not None:
            break
        step = point.length - before.length
        bounds = point.length + 0.01 * step, 10 * point.length
        before, point = point, along(_lowest(before, point, bounds))
        tried += 1
    else:
        return min(start, point, key=lambda p: p.value), tried
    low, high = sorted(bracket, key=lambda p: p.value)
    stuck = False
    while tried <= most and abs(high.length - low.length) >= least:
        ends = sorted((low.length, high.length))
        t = _lowest(low, high, (ends[0], ends[1]))
        margin = 0.1 * (ends[1] - ends[0])
        near = min(ends[1] - t, t - ends[0]) < margin
        if near and (stuck or not ends[0] < t < ends[1]):
            t = ends[1] - margin if ends[1] - t < t - ends[0] else ends[0] + margin
            stuck = False
        else:
            stuck = near
        point = along(t)
        tried += 1
        if too_high(point) or point.value >= low.value:
            low, high = sorted((low, point), key=lambda p: p.value)
        elif flat_enough(point):
            return point, tried
        else:
            if point.slope * (high.length - low.length) >= 0:
                high = low
            low = point
    return low, tried


def _lowest(a: Point, b: Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through two points is lowest, within bounds (N & W, eq. 3.59)."""
    middle = a.slope + b.slope - 3 * (a.value - b.value) / (a.length - b.length)
    square = middle**2 - a.slope * b.slope
    if square < 0:
        return (bounds[0] + bounds[1]) / 2
    root = square**0.5
    if a.length > b.length:
        a, b = b, a
    share = (b.slope + root - middle) / (b.slope - a.slope + 2 * root)
    return min(max(b.length - (b.length - a.length) * share, bounds[0]), bounds[1])
