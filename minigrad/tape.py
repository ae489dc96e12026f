"""The tape: what is recorded, under which scope, and the walk back over it.

A node holds the primitive that made it, the raw operands, and the nodes among them. The walk
is iterative, visits only what leads to what was asked for, keeps cotangents in a table of its
own, and frees what it has used.

Example:
    >>> x = mg.Tensor(2.0, requires_grad=True)
    >>> y = mg.square(x)
    >>> y.primitive.name, y.parents == (x,)
    ('square', True)
    >>> [node.index - x.index for node in mg.tape.ancestors([y])]
    [1, 0]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from operator import attrgetter
from typing import Any

import numpy as np

from minigrad.primitives import Primitive
from minigrad.primitives.primitive import Array
from minigrad.primitives.reductions import sum as sum_along


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in the model an operation was recorded: one level of a path.

    Attributes:
        kind: ``"module"``, ``"gate"`` or ``"step"``.
        name: the module's attribute name, the gate's name, or the time step's number.
        parent: the scope around it; ``None`` at the top.
        label: the class's name for a module, as pictures write it.
    """

    kind: str
    name: str
    parent: Scope | None = None
    label: str = ""

    @property
    def path(self) -> tuple[Scope, ...]:
        """All levels, outermost first."""
        levels: list[Scope] = []
        level: Scope | None = self
        while level is not None:
            levels.append(level)
            level = level.parent
        return tuple(reversed(levels))

    def __str__(self) -> str:
        return " › ".join(f"{s.kind} {s.name}" for s in self.path)


@dataclass(frozen=True, slots=True)
class State:
    """What holds for operations now.

    Attributes:
        recording: whether they are recorded.
        scope: under which scope.
        fusing: whether a layer may do many in one.
    """

    recording: bool = True
    scope: Scope | None = None
    fusing: bool = True


_state: ContextVar[State] = ContextVar("minigrad.state", default=State())  # noqa: B039 (frozen)
current = _state.get
"""The `State` in force in this thread or task."""


class _entered:  # noqa: N801 (those who call it see a function)
    """Context manager, or decorator: a state is in force. Every module enters one: it is fast."""

    __slots__ = ("before", "state")

    def __init__(self, state: State) -> None:
        self.state = state

    def __enter__(self) -> None:
        self.before = _state.set(self.state)

    def __exit__(self, *_: object) -> None:
        _state.reset(self.before)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with _entered(self.state):
                return function(*args, **kwargs)

        return inside


def scope(kind: str, name: str | int, label: str = "") -> Any:
    """Context manager: operations inside are recorded under this scope."""
    state = current()
    inner = Scope(kind, str(name), state.scope, label)
    return _entered(State(state.recording, inner, state.fusing))


def no_grad() -> Any:
    """Context manager: operations inside are not recorded.

    Example:
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> with mg.no_grad():
        ...     y = x * x
        >>> y.requires_grad
        False
    """
    return _entered(replace(current(), recording=False))


def enable_grad() -> Any:
    """Context manager: operations inside are recorded, also within `no_grad`.

    Example:
        >>> x = mg.Tensor(2.0, requires_grad=True)
        >>> with mg.no_grad(), mg.enable_grad():
        ...     y = x * x
        >>> y.requires_grad
        True
    """
    return _entered(replace(current(), recording=True))


def unfused() -> Any:
    """Context manager: recurrent layers are recorded step by step, attention with its weights.

    What draws, derives or proves a layer needs its single operations, and not the fused ones
    that are faster.

    Example:
        >>> layer, x = nn.LSTM(3, 4), mg.Tensor(np.ones((1, 2, 3)))
        >>> layer(x)[0].primitive.name
        'swapaxes'
        >>> with mg.unfused():
        ...     print(layer(x)[0].primitive.name)
        stack
    """
    return _entered(replace(current(), fusing=False))


next_index = itertools.count().__next__
"""Numbers nodes in the order of their creation, so operands have smaller numbers."""


class Node:
    """One value on the tape. `minigrad.Tensor` is the node that people hold.

    Attributes:
        data: the array.
        requires_grad: whether a cotangent is wanted for it or for what it came from.
        primitive: what made it; ``None`` for a leaf.
        operands: the raw arrays that the primitive was applied to.
        parents: the node of each operand; ``None`` where it needs no gradient.
        static: the primitive's keywords.
        index: number in order of creation.
        scope: where it was recorded.
        name: what pictures and reports call it; ``None`` if it has no name.
        freed: whether a walk has freed what it was made of.
        hooks: called with its cotangent; what they return, unless ``None``, replaces it.
        stamps: (position, checksum) of each operand that others may change, see `stamp`.
        shared: whether its data are a view of an array that others may change.
        saved: what a fused primitive's forward pass kept for its backward pass.
        given: the operands as they were passed, where a Tensor without a gradient is among them:
            pictures show its name.
        recipe: the primitive and keywords of a value without a gradient that was computed inside
            `unfused`; no walk reads it.
    """

    data: Array
    requires_grad: bool = False
    primitive: Primitive | None = None
    operands: Sequence[Array] = ()
    parents: Sequence[Any] = ()
    static: Mapping[str, Any] = {}
    index: int = -1
    scope: Scope | None = None
    name: str | None = None
    freed: bool = False
    hooks: tuple[Callable[[Array], Array | None], ...] = ()
    stamps: tuple[tuple[int, int], ...] = ()
    shared: bool = False
    saved: Any = None
    given: Sequence[Any] = ()
    recipe: tuple[Primitive, Mapping[str, Any]] | None = None

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by hand and not by a recorded operation."""
        return self.primitive is None


def ancestors(roots: Iterable[Node], *, since: int = -1) -> list[Node]:
    """The roots and everything they were made of, newest first.

    Nodes older than number ``since`` are taken as leaves.
    """
    seen = set(roots)
    stack = list(seen)
    while stack:
        node = stack.pop()
        if node.index < since:
            continue
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=attrgetter("index"), reverse=True)


def walk(
    cotangents: Sequence[tuple[Node, Array]],
    wanted: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    since: int = -1,
) -> dict[Node, Array]:
    """Walk back from outputs with given cotangents.

    Args:
        cotangents: each output with its cotangent, an array of its shape.
        wanted: the nodes whose cotangents to return; all leaves that require one if ``None``.
        retain_graph: keep the graph for another walk.
        create_graph: run the rules on nodes, so that the walk is itself recorded.
        since: nodes older than this number are taken as leaves.

    Returns:
        The cotangent of each wanted node that the outputs depend on. Two of them may share
        memory, also with the given cotangents: copy before writing.

    Raises:
        RuntimeError: part of the graph was freed by an earlier walk, or an array that a rule
            needs has been changed in place.
    """
    order = ancestors((node for node, _ in cotangents), since=since)
    targets = {n for n in order if n.is_leaf} if wanted is None else set(wanted)
    relevant = _leading_to(order, targets) if wanted is not None else None
    table: dict[Node, Array] = {}
    buffers: set[Node] = set()  # whose entry in the table is the walk's own, to be written into
    for node, cotangent in cotangents:
        table[node] = table[node] + cotangent if node in table else cotangent
    found: dict[Node, Array] = {}
    for node in order:
        g = table.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            g = _hooked(node, g)
        if node in targets:
            found[node] = g
        if node.index < since:
            continue
        if node.freed:
            raise RuntimeError(
                f"backward: the graph behind {node.primitive} has been freed by an earlier "
                "backward; pass retain_graph=True to that one"
            )
        if node.stamps:
            check_stamps(node)
        primitive = node.primitive
        if primitive is None:
            continue
        together = None
        if primitive.backward is not None:
            together = contributions(node, g, create_graph=create_graph)
        for position, parent in enumerate(node.parents):
            if parent is None or (relevant is not None and parent not in relevant):
                continue
            before = table.get(parent)
            if together is not None:
                part = together[position]
                if part is None:
                    continue
            elif (
                primitive.accumulate is not None
                and type(g) is type(parent.data) is np.ndarray
                and not isinstance(before, Node)  # recorded already: it is added to as others are
            ):
                if parent not in buffers:
                    buffers.add(parent)
                    before = _own(before, parent)
                    table[parent] = before
                primitive.accumulate(before, g, **node.static)
                continue
            else:
                part = contribution(node, position, g, create_graph=create_graph)
            if before is None:
                table[parent] = part
            else:
                table[parent] = before + part
                buffers.discard(parent)
        if not retain_graph:
            node.operands, node.parents, node.freed, node.saved = (), (), True, None
            node.given = ()
    return found


def _hooked(node: Node, g: Array) -> Array:
    """The cotangent as the node's hooks leave it."""
    for hook in node.hooks:
        changed = hook(g)
        g = g if changed is None else changed
    return g


_WORDS = 61  # columns that a large array is summed in; a prime, so that no shape falls in step


def stamp(array: np.ndarray) -> int:
    """A checksum of an array's bytes: whether it has been changed since.

    Small arrays are hashed, large ones summed in 64-bit words by columns, which takes as long
    as reading them.
    """
    if array.nbytes < 4096 or array.dtype == object:
        return hash(array.tobytes())
    if not array.flags.c_contiguous:  # a transpose lies as well in its own order
        array = array.T if array.flags.f_contiguous else np.ascontiguousarray(array)
    flat = array.reshape(-1).view(np.uint8)
    whole = flat.size - flat.size % (8 * _WORDS)
    sums = flat[:whole].view(np.uint64).reshape(-1, _WORDS).sum(axis=0)
    return hash((sums.tobytes(), flat[whole:].tobytes()))


def check_stamps(node: Node) -> None:
    """Refuse to differentiate with arrays that are not what they were.

    Raises:
        RuntimeError: one has been changed in place; the message names the operation.
    """
    for position, before in node.stamps:
        array = node.operands[position]
        if stamp(array) != before:
            assert node.primitive is not None
            where = f" ({node.scope})" if node.scope else ""
            raise RuntimeError(
                f"backward: operand {position}{_called(node.parents[position])} of "
                f"{node.primitive.name}{where}, an array of shape {array.shape}, has been changed "
                "in place since it was used; its gradient would be wrong: change a copy, or run "
                "the forward pass again"
            )


def _called(node: Node | None) -> str:
    """The name of an operand, or of what it is a view of."""
    while node is not None and node.name is None and node.shared:
        node = node.parents[0] if node.parents else None
    return f" ({node.name})" if node is not None and node.name else ""


def _own(g: Array | None, parent: Node) -> np.ndarray:
    """A cotangent to write into: a copy, or zeros."""
    return np.zeros(parent.data.shape, parent.data.dtype) if g is None else np.array(g)


def contributions(node: Node, g: Array, *, create_graph: bool) -> list[Array | None] | None:
    """Cotangents of all operands at once, of a primitive that has ``backward``.

    ``None`` where nothing was saved for it: in a world of exact scalars, say. Under
    ``create_graph`` it is the reference composition that is differentiated.
    """
    primitive = node.primitive
    assert primitive is not None and primitive.backward is not None
    if create_graph:
        assert primitive.reference is not None
        operands = [
            raw if parent is None else parent
            for raw, parent in zip(node.operands, node.parents, strict=True)
        ]
        start = next_index()
        with enable_grad():
            output = primitive.reference(*operands, **node.static)
            parents = [parent for parent in node.parents if parent is not None]
            found = walk([(output, g)], parents, create_graph=True, retain_graph=True, since=start)
        # A parent in several places has all of them in its cotangent: it counts once
        return [None if parent is None else found.pop(parent, None) for parent in node.parents]
    if node.saved is None:
        return None
    parts = primitive.backward(g, node.data, node.saved, *node.operands, **node.static)
    return [
        None if parent is None else _fitting(part, like, primitive, k)
        for k, (parent, part, like) in enumerate(
            zip(node.parents, parts, node.operands, strict=True)
        )
    ]


def contribution(node: Node, position: int, g: Array, *, create_graph: bool = False) -> Array:
    """Cotangent that ``node`` sends to operand ``position``, given its own cotangent ``g``.

    The one place where a rule is run, broadcasting undone, and shape and dtype held.

    Raises:
        ValueError: the rule's result cannot be brought to the operand's shape.
    """
    primitive, like = node.primitive, node.operands[position]
    assert primitive is not None
    rule = primitive.vjp(position) if primitive.variadic else primitive.vjps[position]
    assert rule is not None
    if create_graph:
        operands = [
            raw if parent is None else parent
            for raw, parent in zip(node.operands, node.parents, strict=True)
        ]
        part = rule(g, node, *operands, **node.static)
    elif node.static:
        part = rule(g, node.data, *node.operands, **node.static)
    else:
        part = rule(g, node.data, *node.operands)
    if part.shape != like.shape or part.dtype is not like.dtype:
        part = _fitting(part, like, primitive, position)
    return part


def _fitting(part: Array, like: Array, primitive: Primitive, position: int) -> Array:
    """A rule's result in the shape and dtype of its operand."""
    if part.shape != like.shape:
        part = unbroadcast(part, like.shape, primitive, position)
    if np.iscomplexobj(part) and not np.iscomplexobj(like):  # what was real moves by real steps
        part = np.real(part)
    return part if part.dtype == like.dtype else part.astype(like.dtype)


def unbroadcast(g: Array, shape: tuple[int, ...], primitive: Primitive, position: int) -> Array:
    """Sum ``g`` over the axes along which an operand of ``shape`` was broadcast."""
    lead = g.ndim - len(shape)
    tail = g.shape[lead:] if lead >= 0 else ()
    if lead < 0 or any(n != m and n != 1 for n, m in zip(shape, tail, strict=True)):
        raise ValueError(
            f"{primitive.name}: the rule for operand {position} gave shape {g.shape}, "
            f"expected {shape} or a shape it broadcasts to"
        )
    stretched = tuple(lead + a for a, (n, m) in enumerate(zip(shape, tail, strict=True)) if n != m)
    return sum_along(g, axis=tuple(range(lead)) + stretched, keepdims=True).reshape(shape)


def _leading_to(order: Sequence[Node], targets: set[Node]) -> set[Node]:
    """Those nodes that are targets or were made from some; of freed ones nobody knows."""
    relevant = set(targets)
    for node in reversed(order):
        if node.freed or any(parent in relevant for parent in node.parents):
            relevant.add(node)
    return relevant
