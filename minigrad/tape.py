"""The tape: what is recorded, and the backward pass over it.

A node holds the primitive that made it, the raw operands, and the nodes among them. The walk is
iterative, visits only what leads to what was asked for, keeps cotangents in a table of its own,
and frees what it has used.

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
from operator import attrgetter
from typing import Any, Self, TypeVar

import numpy as np

from minigrad import guard
from minigrad.boundary import as_array
from minigrad.primitives.calls import widened
from minigrad.primitives.indexing import Scattered
from minigrad.primitives.primitive import Array, Primitive
from minigrad.primitives.smoother import SMOOTHER
from minigrad.scope import Scope, current, differentiating

Static = Mapping[str, Any]
Value = TypeVar("Value", bound="Node")
NOTHING: Static = {}
"""No static keywords."""

next_index = itertools.count().__next__
"""Numbers nodes in the order of their creation, so operands have smaller numbers."""


_ndarray, _new = np.ndarray, object.__new__
_set_writeable: Any = np.ndarray.setflags  # by position: a keyword takes longer than the call
_NUMBERS = frozenset({float, int, np.float64, np.float32})
_TAKEN = {*_NUMBERS, np.ndarray}  # types of operands that need no look: these, and nodes


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
        saved: what a fused primitive's forward pass kept for its backward pass.
        hooks: called with its cotangent; an array that one returns replaces the cotangent.
        stamps: checksums of operands that others may change, see `minigrad.guard`.
        shared: whether its data are a view of an array that others may change.
        given: the operands as they were passed, where a Tensor without a gradient is among them:
            pictures show its name.
        recipe: the primitive and keywords of a value without a gradient that was computed inside
            `unfused`; no walk reads it.
    """

    __slots__ = (
        "__dict__", "__weakref__", "data", "given", "hooks", "index", "operands", "parents",
        "primitive", "requires_grad", "saved", "scope", "shared", "stamps", "static",
    )  # fmt: skip
    data: Array
    requires_grad: bool
    primitive: Primitive | None
    operands: Sequence[Array]
    parents: Sequence[Any]
    static: Static
    index: int
    scope: Scope | None
    saved: Any
    hooks: tuple[Callable[[Array], Array | None], ...]
    shared: bool
    stamps: guard.Stamps
    given: Sequence[Any]
    name: str | None = None
    recipe: tuple[Primitive, Static] | None = None

    def __init__(self, data: Array, *, requires_grad: bool = False) -> None:
        state = current()
        self.data = data if state.replacing is None else state.replacing(data)
        self.requires_grad, self.shared = requires_grad, False
        self.primitive, self.saved, self.static = None, None, NOTHING
        self.operands = self.parents = self.given = self.hooks = self.stamps = ()
        self.index, self.scope = next_index(), state.scope

    def __init_subclass__(cls, handle: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not handle:  # which stands for another node
            _TAKEN.add(cls)

    @classmethod
    def recorded(
        cls,
        data: Array,
        primitive: Primitive,
        parents: Sequence[Any],
        *,
        operands: Sequence[Array] | None = None,
        saved: Any = None,
    ) -> Self:
        """A node for a result that was computed outside of `record`."""
        out = cls(data)
        out.requires_grad, out.primitive, out.saved = True, primitive, saved
        out.parents = tuple(parents)
        out.operands = tuple(node.data for node in parents) if operands is None else operands
        return out

    def settled(self) -> Node:
        """The node itself; for a handle of a value that changes, the value of this moment."""
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by hand and not by a recorded operation."""
        return self.primitive is None

    @property
    def freed(self) -> bool:
        """Whether a walk has freed what it was made of."""
        return self.primitive is not None and not self.operands


def record(
    kind: type[Value], primitive: Primitive, operands: Sequence[Any], static: Static = NOTHING
) -> Value:
    """Apply a primitive to arrays and nodes; remember how, if a gradient is wanted.

    Args:
        kind: the class of the node that holds the result.
        primitive: the operation.
        operands: arrays, and nodes whose data are arrays.
        static: the primitive's keywords.
    """
    arrays: list[Any] = []
    parents: list[Node | None] = []
    tracked = constant = given = False
    plain = True  # whether NumPy alone will do
    for x in operands:
        if type(x) is not kind:  # else it needs no look
            if type(x) not in _TAKEN or (type(x) is _ndarray and x.dtype.kind not in "biufc"):
                x = as_array(x, primitive.name)
            if not isinstance(x, Node):
                if type(x) is _ndarray:
                    given = True
                elif type(x) not in _NUMBERS:
                    plain = False
                arrays.append(x)
                parents.append(None)
                continue
        array = x.data
        arrays.append(array)
        if x.requires_grad:
            parents.append(x)
            tracked = True
        else:
            parents.append(None)
            constant = True
        if x.primitive is None or x.shared:
            given = True
        if type(array) is not _ndarray and type(array) not in _NUMBERS:
            plain = False
    state = current()
    tracked = tracked and state.recording
    if tracked and primitive in SMOOTHER and (call := SMOOTHER[primitive](operands)) is not None:
        return record(kind, *call)
    saved = None
    if not tracked and primitive.kind != "linear":
        first = arrays[0]
        if type(first) is not _ndarray or first.dtype.kind in "biu":
            arrays = widened(arrays)
    if not plain:
        data = primitive.bind(arrays, static)
        saved = getattr(data, "saved", None)  # what a world keeps for a backward pass of its own
    elif tracked and primitive.saving is not None:
        data, saved = primitive.saving(*arrays, **static)
    elif static:
        data = primitive.forward(*arrays, **static)
    else:
        data = primitive.forward(*arrays)
    out = _new(kind)
    out.data, out.index, out.scope, out.shared = data, next_index(), state.scope, False
    out.hooks = out.stamps = ()
    if not tracked:
        out.requires_grad, out.primitive, out.saved, out.static = False, None, None, NOTHING
        out.operands = out.parents = out.given = ()
        if constant and state.recording and not state.fusing:
            out.given, out.recipe = operands, (primitive, static)
        return out
    out.requires_grad, out.primitive = True, primitive
    out.operands, out.parents = tuple(arrays), tuple(parents)
    out.static = guard.kept(static) if static else static
    out.saved, out.given = saved, operands if constant else ()
    if type(data) is _ndarray:
        theirs = data is arrays[0] or data is arrays[-1]  # the operand itself
        if not theirs:
            _set_writeable(data, False)  # others reach it through .data, and rules rely on it
        if given and (primitive.stamped or theirs or data.base is not None):
            guard.watch(out, operands)
    elif hasattr(data, "lift"):
        out.operands = data.lift(arrays)
    return out


def ancestors(roots: Iterable[Node], *, since: int = -1) -> list[Node]:
    """The roots and everything they were made of, newest first.

    Nodes older than number ``since`` are taken as leaves.
    """
    return sorted(reached(roots, since), key=attrgetter("index"), reverse=True)


def reached(roots: Iterable[Node], since: int = -1) -> set[Node]:
    """The same in no order."""
    seen = {root.settled() for root in roots}
    stack = list(seen)
    while stack:
        node = stack.pop()
        if node.index < since:
            continue
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen


def walk(
    cotangents: Iterable[tuple[Node, Array]],
    wanted: Iterable[Node] | None = None,
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
        create_graph: run the rules on nodes, so that the walk is itself recorded; the cotangents
            are nodes then, and the graph is kept.
        since: nodes older than this number are taken as leaves.

    Returns:
        The cotangent of each wanted node that the outputs depend on. Two of them may share
        memory, also with the given cotangents: copy before writing.

    Raises:
        RuntimeError: part of the graph was freed by an earlier walk, or an array that a rule
            needs has been changed in place.
    """
    table: dict[Node, Any] = {}
    for root, g in cotangents:
        node = root.settled()
        table[node] = table[node] + g if node in table else g
    order = ancestors(table, since=since)
    targets = {n for n in order if n.primitive is None} if wanted is None else set(wanted)
    relevant = None if wanted is None else _leading_to(targets, order)
    found: dict[Node, Array] = {}
    for node in order:
        g = table.pop(node, None)
        if g is None:
            continue
        if type(g) is Scattered:
            g = g.dense()
        if node.hooks:
            g = _hooked(node, g)
        if node in targets:
            found[node] = g
        if node.primitive is None or node.index < since:
            continue
        if not node.operands or node.stamps:
            _check(node)
        parents = node.parents
        if relevant is not None:
            parents = [parent if parent in relevant else None for parent in parents]
        if create_graph:
            parts = _recorded(node, g, parents)
        else:
            parts = node.primitive.pull(
                g, node.data, node.saved, node.operands, node.static, parents
            )
        for k, part in enumerate(parts):
            if part is not None:
                parent = parents[k]
                before = table.get(parent)
                table[parent] = part if before is None else before + part
        if not (retain_graph or create_graph):
            node.operands = node.parents = node.given = ()
            node.saved = None
    return found


def _hooked(node: Node, g: Array) -> Array:
    """The cotangent as the node's hooks leave it."""
    for hook in node.hooks:
        changed = hook(g)
        g = g if changed is None else changed
    return g


def _check(node: Node) -> None:
    """Refuse to go back through what was freed, or computed with arrays that have changed."""
    if node.freed:
        raise RuntimeError(
            f"backward: the graph behind {node.primitive} has been freed by an earlier backward; "
            "pass retain_graph=True to that one"
        )
    guard.check(node)


def _recorded(node: Node, g: Array, parents: Sequence[Node | None]) -> Sequence[Array | None]:
    """The cotangents of a node's operands as nodes: the rules run on nodes, and are recorded."""
    primitive = node.primitive
    assert primitive is not None
    operands = [
        raw if parent is None else parent
        for raw, parent in zip(node.operands, node.parents, strict=True)
    ]
    if primitive.backward is None:
        return primitive.pull(g, node, None, operands, node.static, parents)
    # It may be compiled, or write into its arrays: the composition it stands for is differentiated
    assert primitive.reference is not None
    start = next_index()
    with differentiating():
        output = primitive.reference(*operands, **node.static)
        wanted = [parent for parent in parents if parent is not None]
        found = walk([(output, g)], wanted, create_graph=True, since=start)
    # A parent in several places has all of them in its cotangent, so it counts once
    return [None if parent is None else found.pop(parent, None) for parent in parents]


def _leading_to(targets: set[Node], order: Sequence[Node]) -> set[Node]:
    """Those nodes that are targets or were made from some; of freed ones nobody knows."""
    relevant = set(targets)
    for node in reversed(order):
        if node.freed or any(parent in relevant for parent in node.parents):
            relevant.add(node)
    return relevant
