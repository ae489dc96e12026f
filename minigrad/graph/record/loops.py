"""A user's own loop over time, found in what it recorded, as steps.

Code runs in order, so the operations of one turn of a loop stand together, and those of the next
turn repeat them one by one. Such a repetition is a loop over time if each turn reads what the
turn before has computed, and all of them read the same weights: the same module called again on
what it returned, or the same arrays used again. Blocks that only look alike have weights of
their own.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from minigrad.graph.record.graph import Graph, Level, Operation, Path


class _Loop(NamedTuple):
    start: int  # place of its first operation among all operations
    period: int  # operations in a turn
    turns: int


def with_loops(graph: Graph) -> Graph:
    """The graph with a step in the scope of each operation of a loop that has none."""
    plain = [node for node in graph.nodes if node.kind == "operation" and node.step is None]
    if len(plain) < 2:
        return graph
    scopes: dict[int, Path] = {}
    taken: set[int] = set()
    found: list[_Loop] = []
    signs = _signs(graph, plain)
    for start, length, period in _repetitions(signs):
        free = [place for place in range(start, start + length) if place not in taken]
        if not free or free[-1] - free[0] >= len(free):  # another loop stands in the middle
            continue
        start, length = free[0], len(free)  # the end of the one before may look like its start
        turns = length // period
        if turns < 2:
            continue
        loops = [_Loop(start + shift, period, turns)
                 for shift in range(length - turns * period + 1)]  # fmt: skip
        carried = [_carried(graph, plain, loop) for loop in loops]
        if any(states is not None and not states for states in carried):
            continue  # seen from another place, its turns do not follow each other
        best = min(((len(states), k) for k, states in enumerate(carried)
                    if states and not _cuts_a_module(plain, loops[k])), default=None)  # fmt: skip
        if best is not None:
            loop = loops[best[1]]
            if _is_branch(graph, plain, signs, loop):
                continue
            taken.update(range(loop.start, loop.start + loop.period * loop.turns))
            found.append(loop)
    found.sort()
    around = [_around(graph, plain, loop) for loop in found]
    for number, loop in enumerate(found):  # two loops in one place have strips of their own
        strip = around[number]
        if around.count(strip) > 1:
            strip = (*strip, Level("loop", str(around[:number].count(strip))))
        scopes |= _with_steps(graph, plain, loop, len(around[number]), strip)
    if not scopes:
        return graph
    nodes = tuple(
        replace(node, scope=scopes[node.id]) if node.id in scopes else node for node in graph.nodes
    )
    return replace(graph, nodes=_with_constants(graph, nodes))


def _signs(graph: Graph, plain: Sequence[Operation]) -> list[int]:
    """A number for each operation, the same where the code that recorded it is the same."""
    numbers: dict[object, int] = {}
    found = []
    for node in plain:
        weights = tuple(
            edge.source for edge in graph.operands[node.id]
            if graph.nodes[edge.source].kind == "parameter"
        )  # fmt: skip
        where = tuple(level[:3] for level in node.scope)
        operands = len(graph.operands[node.id]) + len(node.numbers)  # a sum may start at 0.0
        sign = (node.primitive, node.shape, where, weights, operands)
        found.append(numbers.setdefault(sign, len(numbers)))
    return found


def _repetitions(signs: Sequence[int]) -> list[tuple[int, int, int]]:
    """(start, length, period) of what repeats itself, the longest first, then the shortest turn."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, sign in enumerate(signs):
        places[sign].append(place)
    distances: Counter[int] = Counter()
    for found in places.values():
        distances.update(b - a for a, b in itertools.pairwise(found))
    stretches = []
    for period in distances:
        start = 0
        for place in range(len(signs) - period + 1):
            same = place + period < len(signs) and signs[place] == signs[place + period]
            if same:
                continue
            length = place - start + period  # of the stretch that repeats itself
            if length >= 2 * period:
                stretches.append((start, length, period))
            start = place + 1
    return sorted(stretches, key=lambda one: (-(one[1] - one[1] % one[2]), one[2], one[0]))


def _turns(plain: Sequence[Operation], loop: _Loop) -> dict[int, tuple[int, int]]:
    """Of each operation of a loop, its turn and its place in the turn."""
    count = loop.period * loop.turns
    return {plain[loop.start + k].id: divmod(k, loop.period) for k in range(count)}


def _carried(graph: Graph, plain: Sequence[Operation], loop: _Loop) -> set[tuple[int, int]] | None:
    """What each turn reads of the one before, and where; ``None`` if it is no loop over time."""
    turn_of = _turns(plain, loop)
    carried: set[tuple[int, int, int]] = set()
    shares = False
    for number, (turn, place) in turn_of.items():
        for edge in graph.operands[number]:
            source = turn_of.get(edge.source)
            if source is None:
                shares |= graph.nodes[edge.source].kind == "parameter"
            elif not turn - 1 <= source[0] <= turn:
                return None
            elif source[0] < turn:
                carried.add((turn, source[1], place))
    pairs = {(source, place) for _, source, place in carried}
    if not all((turn, *pair) in carried for pair in pairs for turn in range(1, loop.turns)):
        return None
    return pairs if shares else None


def _is_branch(graph: Graph, plain: Sequence[Operation], signs: Sequence[int], loop: _Loop) -> bool:
    """Whether a later turn also reads a turn's value from elsewhere, as a tree reads two nodes."""
    turn_of = _turns(plain, loop)
    later = (number for number, (turn, _) in turn_of.items() if turn)
    sources = {edge.source for number in later for edge in graph.operands[number]} - turn_of.keys()
    period, code = loop.period, signs[loop.start : loop.start + loop.period]
    places = [place for place, node in enumerate(plain) if node.id in sources]
    return any(
        signs[place + 1 - period : place + 1] == [*code[k + 1 :], *code[: k + 1]]
        for place in places if place + 1 >= period
        for k in range(period)
    )  # fmt: skip


def _around(graph: Graph, plain: Sequence[Operation], loop: _Loop) -> Path:
    """What all operations of a loop were recorded in."""
    around = plain[loop.start].scope
    for number in _turns(plain, loop):
        scope = graph.nodes[number].scope
        around = around[: next(
            (k for k, (a, b) in enumerate(zip(around, scope, strict=False)) if a != b),
            min(len(around), len(scope)),
        )]  # fmt: skip
    while around and around[-1].kind == "gate":
        around = around[:-1]
    return around


def _with_steps(
    graph: Graph, plain: Sequence[Operation], loop: _Loop, depth: int, strip: Path
) -> dict[int, Path]:
    """New scopes of a loop's operations; calls are counted within each turn.

    Args:
        graph: where they are.
        plain: all operations outside of steps.
        loop: the loop.
        depth: how many levels are around it.
        strip: what stands in their place.
    """
    found: dict[int, Path] = {}
    calls: dict[tuple[int, Path], dict[Level, int]] = defaultdict(dict)
    for number, (turn, _) in _turns(plain, loop).items():
        scope = graph.nodes[number].scope
        inside: list[Level] = []
        for k, level in enumerate(scope[depth:], depth):
            known = calls[turn, (*scope[:k], level._replace(call=0))]
            inside.append(level._replace(call=known.setdefault(level, len(known) + 1)))
        found[number] = (*strip, Level("step", str(turn)), *inside)
    return found


def _cuts_a_module(plain: Sequence[Operation], loop: _Loop) -> bool:
    """Whether a turn begins in the middle of a module's call."""
    for turn in range(loop.turns + 1):
        place = loop.start + turn * loop.period
        if 0 < place < len(plain):
            before, after = plain[place - 1].scope, plain[place].scope
            inside = [
                a for a, b in zip(before, after, strict=False) if a == b and a.kind != "layer"
            ]
            if len(inside) > _common(plain, loop):
                return True
    return False


def _common(plain: Sequence[Operation], loop: _Loop) -> int:
    """How many levels all of the loop's operations share."""
    paths = [plain[loop.start + k].scope for k in range(loop.period * loop.turns)]
    depth = 0
    while all(len(path) > depth and path[depth] == paths[0][depth] for path in paths):
        depth += 1
    return depth


def _with_constants(graph: Graph, nodes: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Arrays that are read in one step only, such as its x, belong to that step."""
    result = list(nodes)
    for node in nodes:
        if node.kind != "constant" or node.step is not None:
            continue
        readers = [result[edge.target] for edge in graph.readers[node.id]]
        steps = {(reader.strip, reader.step) for reader in readers}
        if len(steps) == 1 and readers[0].step is not None:
            ((strip, step),) = steps
            result[node.id] = replace(node, scope=(*strip[:-1], Level("step", str(step))))
    return tuple(result)


def with_states(graph: Graph, called: Mapping[int, str]) -> Graph:
    """The graph with a name for what goes from step to step, where the user has one for it.

    Args:
        graph: with steps.
        called: what variables held values when their function was left: those of the last step.
    """
    names: dict[int, str] = {}
    for strip in graph.turns:
        for alike in graph.alike(strip):
            named = any(graph.nodes[number].name for number in alike)
            said = [called[number] for number in alike if number in called]
            if said and not named and _is_carried(graph, alike):
                names |= dict.fromkeys(alike, said[-1])
    if not names:
        return graph
    nodes = (replace(node, name=names.get(node.id, node.name)) for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _is_carried(graph: Graph, numbers: Sequence[int]) -> bool:
    """Whether another step of the same strip reads one of these values."""
    return any(
        reader.strip == node.strip and reader.step != node.step
        for node in (graph.nodes[number] for number in numbers)
        for reader in (graph.nodes[edge.target] for edge in graph.readers[node.id])
    )
