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
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from minigrad.graph.record.graph import Graph, Level, Operation, Path, Use

_PRODUCTS = frozenset({"matmul", "affine", "einsum", "transpose"})


class _Loop(NamedTuple):
    """Turns of equal operations; the first or last of all may lack some.

    Attributes:
        start: place of the first whole turn among all operations.
        period: operations in a turn.
        turns: how many are whole.
        before: what stands of a turn before them, as places in a whole one: a first turn lacks
            what it computes of constants.
        after: likewise after them: a last turn lacks what only the next would read.
    """

    start: int
    period: int
    turns: int
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def places(self) -> range:
        """Of all its operations."""
        first = self.start - len(self.before)
        return range(first, self.start + self.period * self.turns + len(self.after))


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
        best = min(((len(states), _first_given(graph, plain, loops[k]), k)
                    for k, states in enumerate(carried)
                    if states and not _cuts_a_module(plain, loops[k])), default=None)  # fmt: skip
        if best is not None:
            loop = loops[best[-1]]
            if _is_branch(graph, plain, signs, loop):
                continue
            loop = _with_ends(graph, plain, loop, taken)
            taken.update(loop.places)
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
    nodes = _with_totals(replace(graph, nodes=nodes))
    return replace(graph, nodes=_with_constants(graph, nodes))


def _signs(graph: Graph, plain: Sequence[Operation]) -> list[int]:
    """A number for each operation, the same where the code that recorded it is the same."""
    numbers: dict[object, int] = {}
    found = []
    for node in plain:
        weights = tuple(edge.source for edge in graph.operands[node.id] if _is_weight(graph, edge))
        where = tuple(level[:3] for level in node.scope)
        operands = len(graph.operands[node.id]) + len(node.numbers)  # a sum may start at 0.0
        sign = (node.primitive, node.shape, where, weights, operands)
        found.append(numbers.setdefault(sign, len(numbers)))
    return found


def _is_weight(graph: Graph, edge: Use) -> bool:
    """Whether an operation reads a parameter, or a Tensor as one: as a factor of a product."""
    source = graph.nodes[edge.source]
    factor = graph.nodes[edge.target].primitive in _PRODUCTS
    return source.kind == "parameter" or (
        source.kind == "input" and source.requires_grad and factor and len(source.shape) > 1
    )


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
    first = bool(loop.before)
    turns = [(0, place) for place in loop.before]
    turns += [(first + k, place) for k in range(loop.turns) for place in range(loop.period)]
    turns += [(first + loop.turns, place) for place in loop.after]
    return {plain[place].id: turn for place, turn in zip(loop.places, turns, strict=True)}


def _first_given(graph: Graph, plain: Sequence[Operation], loop: _Loop) -> int:
    """Where in its second turn something is read that is given to it alone: a turn begins there."""
    second = plain[loop.start + loop.period : loop.start + 2 * loop.period]
    mine = {node.id for node in second}
    for place, node in enumerate(second):
        for edge in graph.operands[node.id]:
            given = graph.nodes[edge.source].kind in ("constant", "input")
            if given and mine.issuperset(use.target for use in graph.readers[edge.source]):
                return place
    return loop.period


def _with_ends(
    graph: Graph, plain: Sequence[Operation], loop: _Loop, taken: Container[int]
) -> _Loop:
    """The loop with what there is of a turn before its first and after its last whole one."""
    signs = [_loose_sign(graph, node) for node in plain]
    code = signs[loop.start : loop.start + loop.period]
    end = loop.start + loop.period * loop.turns

    def part(near: int, way: int) -> tuple[int, ...]:
        """Places in the turn of the operations from one beside it on: as many as follow it."""
        found: list[int] = []
        line = loop.period if way < 0 else -1
        while len(found) < loop.period:
            at = near + way * len(found)
            if not 0 <= at < len(plain) or at in taken:
                break
            lines = range(line + way, loop.period if way > 0 else -1, way)
            line = next((k for k in lines if code[k] == signs[at]), -2)
            if line < 0:
                break
            found.append(line)
        return tuple(found[::way])

    before, after = part(loop.start - 1, -1), part(end, 1)
    ends = [loop._replace(before=before[k:]) for k in range(len(before))]
    found = next((longer for longer in ends if _goes_on(graph, plain, longer)), loop)
    ends = [found._replace(after=after[:k]) for k in range(len(after), 0, -1)]
    return next((longer for longer in ends if _goes_on(graph, plain, longer)), found)


def _goes_on(graph: Graph, plain: Sequence[Operation], loop: _Loop) -> bool:
    """Whether its ends use its weights, hand on and read what its turns do, and cut no module."""
    whole = _carried(graph, plain, loop._replace(before=(), after=()))
    turn_of = _turns(plain, loop)
    last = loop.turns - 1 + bool(loop.before)
    if whole is None or _cuts_a_module(plain, loop):
        return False
    read: dict[int, set[tuple[int, int]]] = defaultdict(set)
    weighing = {turn_of[e.target][0] for n in turn_of for e in graph.operands[n]
                if _is_weight(graph, e)}  # fmt: skip
    if not weighing >= set(range(last + 1 + bool(loop.after))):
        return False
    for number, (turn, place) in turn_of.items():
        for edge in graph.operands[number]:
            source = turn_of.get(edge.source, (turn, 0))
            if source[0] != turn:
                if source[0] != turn - 1 or (source[1], place) not in whole:
                    return False
                read[turn].add((source[1], place))
    first = {pair for pair in whole if pair[0] in loop.before} == whole == read[1]
    return (not loop.before or first) and (not loop.after or bool(read[last + 1]))


def _loose_sign(graph: Graph, node: Operation) -> object:
    """What is the same in a turn that reads a constant where others read a value."""
    weights = tuple(e.source for e in graph.operands[node.id] if _is_weight(graph, e))
    return node.primitive, tuple(level[:3] for level in node.scope), weights


def _carried(graph: Graph, plain: Sequence[Operation], loop: _Loop) -> set[tuple[int, int]] | None:
    """What each turn reads of the one before, and where; ``None`` if it is no loop over time."""
    turn_of = _turns(plain, loop)
    carried: set[tuple[int, int, int]] = set()
    shares = False
    for number, (turn, place) in turn_of.items():
        for edge in graph.operands[number]:
            source = turn_of.get(edge.source)
            if source is None:
                shares |= _is_weight(graph, edge)
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
    starts = [loop.start + turn * loop.period for turn in range(loop.turns + 1)]
    for place in (loop.places.start, *starts, loop.places.stop):
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
    paths = [plain[place].scope for place in loop.places]
    depth = 0
    while all(len(path) > depth and path[depth] == paths[0][depth] for path in paths):
        depth += 1
    return depth


def _with_totals(graph: Graph) -> tuple[Operation, ...]:
    """A sum of one value of each turn, ``sum(losses)``, as if each turn had added its own."""
    nodes = list(graph.nodes)
    for strip, turns in graph.turns.items():
        for values in graph.alike(strip):
            total = _total(graph, values) if len(values) == len(turns) else []
            for value, number in zip(values, total, strict=False):
                nodes[number] = replace(nodes[number], scope=nodes[value].scope[: len(strip)])
    return tuple(nodes)


def _total(graph: Graph, values: Sequence[int]) -> list[int]:
    """The operations that add these, one after the other, to a number; empty if there are none."""
    found: list[int] = []
    for value in values:
        added = [
            edge.target for edge in graph.readers[value]
            if (node := graph.nodes[edge.target]).primitive == "add" and node.step is None
            and (found[-1] in (e.source for e in graph.operands[node.id]) if found
                 else bool(node.numbers))
        ]  # fmt: skip
        if len(added) != 1:
            return []
        found += added
    return found


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
        carried = [alike for alike in graph.alike(strip) if _is_carried(graph, alike)]
        known = Counter(graph.nodes[alike[-1]].name for alike in carried)
        for alike in carried:
            said = [called[number] for number in alike if number in called]
            name = graph.nodes[alike[-1]].name
            if said and (name is None or known[name] > 1):  # two cells call their state h
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
