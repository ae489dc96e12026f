"""What each box costs: operations, bytes and, if asked, the time it took here, as heat."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from minigrad.graph.record import BOOKKEEPING, Graph, Operation
from minigrad.graph.view import Say, View, view
from minigrad.graph.views.steps import ENDS
from minigrad.graph.views.unrolled import unrolled
from minigrad.primitives import PRIMITIVES

_ROUNDS = 3  # of which the fastest counts


@view("cost", "the operations, bytes and time of each box")
def cost(
    graph: Graph,
    *,
    all_steps: bool = False,
    depth: int | None = None,
    open: Sequence[str] = (),
    ends: tuple[int, int] = ENDS,
    measure: bool = False,
    title: str | None = None,
) -> View:
    """The unrolled graph with what each box costs.

    Counted are the floating-point operations of the forward pass (a product of matrices
    (m, k) and (k, n) is 2 m k n, every other operation one for each entry that it reads or
    writes, whichever are more), and the bytes of the values that it keeps.

    Args:
        graph: from `trace` or `trace_target`, with values.
        all_steps: draw every step, also when there are more than 8.
        depth: levels of modules that are open, as in the unrolled view.
        open: modules that are open however deep they are.
        ends: how many of many steps are drawn at the beginning and the end.
        measure: run each operation again on the values that were recorded, and show how long
            that takes here in place of the number of operations.
        title: heading of the picture; the graph's title if not given.
    """
    shown = unrolled(graph, all_steps=all_steps, depth=depth, open=open, ends=ends, title=title)
    heat, items = {}, []
    total = 0.0
    for item in shown.items:
        nodes = [graph.nodes[n] for n in item.nodes if graph.nodes[n].kind == "operation"]
        only = item.step is None and item.strip
        if not nodes or item.kind in ("state", "join", "input", "ellipsis") or only:
            items.append(item)
            continue
        spent = sum(seconds(graph, n) if measure else flop(graph, n) for n in nodes)
        total += spent
        held = sum(_bytes(node) for node in nodes)
        heat[item.key] = math.log10(spent) if spent else -math.inf
        unit = f"{_short(spent, 's')}" if measure else f"{_short(spent, 'FLOP')}"
        items.append(replace(item, notes=(*item.notes, f"{unit}, {_short(held, 'B')}")))
    caption = Say("seconds", (_short(total, "s"),)) if measure else Say("cost")
    least = min((power for power in heat.values() if power > -math.inf), default=0.0)
    return replace(
        shown, name="cost", items=tuple(items), heat=heat, caption=(caption,),
        scale=("time" if measure else "flop", math.floor(least)),
    )  # fmt: skip


def flop(graph: Graph, node: Operation) -> float:
    """Floating-point operations of a node's forward pass.

    Example:
        >>> from minigrad.graph import trace
        >>> from minigrad.graph.views.cost import flop
        >>> a = mg.Tensor(np.ones((2, 3)), requires_grad=True)
        >>> graph = trace(a @ np.ones((3, 5)))
        >>> flop(graph, graph.nodes[-1])
        60.0
    """
    if node.primitive in BOOKKEEPING:
        return 0.0
    shapes = [graph.nodes[edge.source].shape for edge in graph.operands[node.id]]
    written = float(math.prod(node.shape))
    if node.primitive in ("matmul", "affine") and shapes and shapes[0]:
        bias = written if node.primitive == "affine" and len(shapes) > 2 else 0.0
        return 2.0 * written * shapes[0][-1] + bias
    if node.primitive == "einsum":
        return 2.0 * max([written, *(float(math.prod(shape)) for shape in shapes)])
    return max([written, *(float(math.prod(shape)) for shape in shapes)])


def seconds(graph: Graph, node: Operation) -> float:
    """How long a node's forward pass takes here, on the values that were recorded."""
    primitive = PRIMITIVES.get(node.primitive)
    if primitive is None or node.call is None:
        return 0.0
    best = math.inf
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        node.call()
        best = min(best, time.perf_counter() - start)
    return best


def _bytes(node: Operation) -> float:
    return float(node.value.nbytes) if isinstance(node.value, np.ndarray) else 0.0


def _short(amount: float, unit: str) -> str:
    """An amount in three digits: 1.2 MFLOP, 340 µs."""
    steps = ["", "k", "M", "G", "T", "P"]
    if unit == "s":
        steps, amount = ["n", "µ", "m", ""], amount * 1e9
    for step in steps[:-1]:
        if amount < 1000:
            return f"{amount:.3g} {step}{unit}"
        amount /= 1000
    return f"{amount:.3g} {steps[-1]}{unit}"
