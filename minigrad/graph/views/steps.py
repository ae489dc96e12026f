"""Unrolled layers as strips of steps that are alike: what comes into a step, and from where.

A step is drawn alone, so everything that comes into it gets an item in it: the input x_t, a
weight that no gate owns. What remains between the steps of a strip are the states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from minigrad.graph.record import Path, modules
from minigrad.graph.terms import Listed, Name, Term
from minigrad.graph.view import Arrow, Item, Key, Label, Say
from minigrad.graph.views.items import Sketch, common, drawn_behind

_MANY = 3  # steps that are read together are drawn as one bundle
MOST_STEPS = 8
ENDS = (3, 2)  # steps at the beginning and the end of many that are drawn


def arranged(sketch: Sketch) -> Sketch:
    """The sketch such that only states go from step to step of a strip."""
    for part in (_at_home, _initial, _stubs, _ports, _bundles):
        part(sketch)
    return sketch


def name_of(item: Item) -> Term:
    """What an item is called in the formula of another."""
    label = item.label
    if label.name:
        return Name(label.name + "′" * label.primes, label.step)
    return label.formula if isinstance(label.formula, Listed) else Name("…")


def _at_home(sketch: Sketch) -> None:
    """Inputs x_t that only one strip reads belong to it; so does what is handed on from there."""
    busy = {key.strip for key in sketch.items if key.step is not None and key.kind != "x"}
    readers = sketch.readers()
    found: dict[Path, set[Path]] = defaultdict(set)
    for key in sketch.items:
        if key.kind == "x" and key.strip not in busy:
            found[key.strip] |= {reader.strip for reader in readers[key]}
    home = {strip: next(iter(them)) for strip, them in found.items()
            if len(them) == 1 and () not in them}  # fmt: skip
    _renamed(sketch, {
        key: key._replace(strip=home[key.strip]) for key in sketch.items if key.strip in home
    })  # fmt: skip


def _renamed(sketch: Sketch, names: Mapping[Key, Key]) -> None:
    """Other keys for some items."""
    sketch.items = {
        names.get(key, key): replace(item, key=names.get(key, key))
        for key, item in sketch.items.items()
    }
    sketch.arrows = dict.fromkeys((names.get(a, a), names.get(b, b)) for a, b in sketch.arrows)
    sketch.owner = {number: names.get(key, key) for number, key in sketch.owner.items()}


def _initial(sketch: Sketch) -> None:
    """What the first step reads where the next one reads a state is that state's first value.

    A leaf becomes the state h₋₁; in front of what was computed, such as an encoder's last
    state, stands one. Each strip has its own.
    """
    graph, items = sketch.graph, sketch.items
    order = sketch.order()
    changed: dict[Arrow, dict[Key, None]] = defaultdict(dict)  # two states may start as one
    extra: dict[Arrow, None] = {}
    for strip, steps in order.items():
        found = list(_first_values(sketch, strip, steps))
        initial = {(one, source) for source, one, _ in found}
        reached: dict[Key, set[Key]] = {}  # what a box reads beside initial states
        for source, one, state in found:
            before = steps[0] - 1 if len(steps) < 2 or steps[1] > steps[0] else steps[0] + 1
            pill = Key("state", (state, 0, "before"), None, strip)
            readers = {sketch.owner[n] for n in _drawn_readers(sketch, one)}
            for a in drawn_behind(sketch, source):
                targets = [b for x, b in sketch.arrows if x == a and b in readers]
                if not targets or a == pill:
                    continue
                item, first = items[a], graph.nodes[source]
                known = items.get(pill)
                if known is not None and known.nodes != (source,):
                    continue  # two states that become one: the other is an input of this step
                items[pill] = Item(pill, "state", Label(state, before), first.shape, (source,),
                                   item.where)  # fmt: skip
                for b in targets:
                    changed[a, b][pill] = None
                    if b not in reached:
                        reached[b] = _reached(sketch, items[b].nodes, initial)
                    if a in reached[b]:  # it is read for itself, too
                        extra[a, b] = None
                if item.kind not in ("input", "constant", "parameter"):
                    extra[a, pill] = None
    direct = ((one, b) for a, b in sketch.arrows for one in changed.get((a, b), (a,)))
    sketch.rewire([*direct, *extra])


def _first_values(sketch: Sketch, strip: Path, steps: list[int]) -> Iterable[tuple[int, int, str]]:
    """(node outside, node of the first step that reads it, name of the state that it is)."""
    graph = sketch.graph
    first = graph.turns[strip][steps[0]]
    if len(steps) < 2:  # what has a state's name is one
        names = {name for number, name in sketch.carried.items()}
        names |= {node.name for node in map(graph.nodes.__getitem__, first) if node.name}
        for number in first:
            for edge in graph.operands[number]:
                source = graph.nodes[edge.source]
                if source.kind == "input" and source.name in names:
                    yield source.id, number, source.name
        return
    second = {graph.lines[number]: number for number in graph.turns[strip][steps[1]]}
    for one in first:
        other = second.get(graph.lines[one])
        if other is None:
            continue
        now, later = graph.operands[one], graph.operands[other]
        if len(now) != len(later):
            continue
        for here, there in zip(now, later, strict=True):
            source = graph.nodes[there.source]
            if source.strip != strip or source.step != steps[0]:
                continue
            name = _state_behind(sketch, source.id)
            before = graph.nodes[here.source]
            outside = (before.strip, before.step) != (strip, steps[0])
            if name is not None and (outside or before.kind == "constant"):
                yield here.source, one, name


def _drawn_readers(sketch: Sketch, number: int) -> Iterator[int]:
    """The node itself if it is drawn, else the next ones that are drawn and read it."""
    if number in sketch.owner:
        yield number
        return
    for edge in sketch.graph.readers[number]:
        yield from _drawn_readers(sketch, edge.target)


def _reached(sketch: Sketch, numbers: Iterable[int], without: set[tuple[int, int]]) -> set[Key]:
    """The items whose values nodes read, not counting these edges."""
    found: set[Key] = set()
    stack = list(numbers)
    while stack:
        at = stack.pop()
        for edge in sketch.graph.operands[at]:
            if (at, edge.source) in without:
                continue
            if edge.source in sketch.owner:
                found.update(drawn_behind(sketch, edge.source))
            else:
                stack.append(edge.source)
    return found


def _state_behind(sketch: Sketch, number: int) -> str | None:
    """The name of the state that a value is, seen through bookkeeping."""
    graph = sketch.graph
    while number not in sketch.carried:
        operands = graph.operands[number]
        if number in sketch.owner or not operands:
            return None
        number = operands[0].source
    return sketch.carried[number]


def _stubs(sketch: Sketch) -> None:
    """A weight or constant that steps read stands in each of them."""
    arrows = []
    made: dict[tuple[Path, int, str], dict[Key, None]] = defaultdict(dict)
    for a, b in sketch.arrows:
        if a.kind == "leaf" and b.step is not None:
            item = sketch.items[a]
            alike = made[b.strip, b.step, item.label.name]
            alike.setdefault(a)
            key = Key("leaf", (item.label.name, list(alike).index(a)), b.step, b.strip)
            sketch.items[key] = replace(item, key=key, where=())
            arrows.append((key, b))
        else:
            arrows.append((a, b))
    sketch.rewire(arrows)


def _ports(sketch: Sketch) -> None:
    """What a step gets from another strip, or from before the first, enters it as its x_t."""
    items = sketch.items
    outside: dict[Key, dict[Key, None]] = defaultdict(dict)
    for a, b in sketch.arrows:
        if b.step is not None and a.strip != b.strip:
            outside[b][a] = None
    entered: dict[tuple[Path, int | None, tuple[Key, ...]], Key] = {}
    count: dict[tuple[Path, int | None], int] = defaultdict(int)
    moved: dict[Arrow, Key] = {}
    extra: list[Arrow] = []
    for b, found in outside.items():
        sources = tuple(found)
        if b.kind == "x":
            continue
        place = (b.strip, b.step, sources)
        if place not in entered:
            number = count[b.strip, b.step]
            count[b.strip, b.step] += 1
            key = Key("port", (number,), b.step, b.strip)
            names = tuple(name_of(items[a]) for a in sources)
            alone = len(sources) == 1
            what: Term = names[0] if alone else Listed(names)
            shape = items[sources[0]].shape if alone and sources[0].step is not None else None
            label = Label("x", b.step, None if shape else what, number)
            items[key] = Item(key, "input", label, shape,
                              items[sources[0]].nodes if alone else ())  # fmt: skip
            entered[place] = key
            extra += [(a, key) for a in sources]
        moved |= {(a, b): entered[place] for a in sources}
    sketch.rewire([*((moved.get((a, b), a), b) for a, b in sketch.arrows), *extra])


def _bundles(sketch: Sketch) -> None:
    """Steps that are read all together come as one bundle [h₀ … h₉], also into another's steps."""
    items = sketch.items
    read: dict[Key, list[Key]] = defaultdict(list)
    for a, b in sketch.arrows:
        if a.step is not None and b.kind != "state" and (b.step is None or a.strip != b.strip):
            read[b].append(a)
    made: dict[tuple[Key, ...], Key] = {}
    moved: dict[Arrow, Key] = {}
    for b, sources in read.items():
        times: dict[Key, int] = defaultdict(int)  # how often the same comes, step by step
        for a in sources:
            times[a.role] += 1
        if min(times.values()) < 2 if b.step is not None else len(sources) < _MANY:
            continue
        key = made.setdefault(tuple(sources), Key("bundle", (len(made),)))
        ends: Term | Say = Say("values", (len(sources),))
        if all(items[a].label.name for a in (sources[0], sources[-1])):
            ends = Listed((name_of(items[sources[0]]), name_of(items[sources[-1]])), gap=True)
        where = modules(sources[0].strip)
        for a in sources:
            where = common(where, modules(a.strip))
        items[key] = Item(key, "join", Label("", None, ends), None, where=where)
        if b.kind == "port":
            items[b] = replace(items[b], label=items[b].label._replace(formula=ends), shape=None)
        moved |= {(a, b): key for a in sources}
    direct = [arrow for arrow in sketch.arrows if arrow not in moved]
    into = [(a, key) for (a, _), key in moved.items()]
    onward = [(key, b) for (_, b), key in moved.items()]
    sketch.rewire([*direct, *into, *onward])


def joined(sketch: Sketch) -> None:
    """Draw the concatenation [h, x] once where several gates of a step share it."""
    sources = sketch.sources()
    shared: dict[tuple[Path, int | None, tuple[Key, ...]], list[Key]] = defaultdict(list)
    for key in sketch.items:
        if key.kind == "layer" and key.step is not None and len(sources[key]) > 1:
            shared[key.strip, key.step, tuple(sources[key])].append(key)
    count: dict[tuple[Path, int | None], int] = defaultdict(int)
    redirected: dict[Key, Key] = {}
    extra: list[Arrow] = []
    for (strip, step, operands), gates in shared.items():
        if len(gates) < 2:
            continue
        number = count[strip, step]
        count[strip, step] += 1
        join = Key("join", (number,), step, strip)
        names = Listed(tuple(name_of(sketch.items[operand]) for operand in operands))
        sketch.items[join] = Item(join, "join", Label("", None, names), None,
                                  where=sketch.items[gates[0]].where)  # fmt: skip
        extra += [(operand, join) for operand in operands] + [(join, gate) for gate in gates]
        redirected |= dict.fromkeys(gates, join)
    sketch.rewire([*extra, *((a, b) for a, b in sketch.arrows if b not in redirected)])


def kept_steps(
    steps: tuple[int, ...], *, all_steps: bool, ends: tuple[int, int] = ENDS
) -> tuple[int, ...]:
    """The steps that are drawn: all, or the first and last of many."""
    if all_steps or len(steps) <= (MOST_STEPS if ends == ENDS else sum(ends)):
        return steps
    return (*steps[: ends[0]], *steps[-ends[1] :])


def found(sketch: Sketch) -> tuple[int, ...]:
    """The time steps of a sketch, those that were left out too."""
    if sketch.steps is not None:
        return sketch.steps
    return tuple(sorted({key.step for key in sketch.items if key.step is not None}))


def thinned(sketch: Sketch, ends: tuple[int, int]) -> None:
    """Forget early what `elided` would leave out, so that it need not be arranged.

    The steps beside the gap stay until then.
    """
    every = found(sketch)
    kept = set(kept_steps(every, all_steps=False, ends=ends))
    if len(kept) == len(every):
        return
    near = [step for k, step in enumerate(every) if kept & set(every[max(k - 1, 0) : k + 2])]
    _see_that_none_reads_past(sketch.arrows, kept)
    stay = {None, *near}
    counted = any(b.step is None and a.step not in stay and not sketch.items[a].label.name
                  for a, b in sketch.arrows)  # fmt: skip
    if counted:
        return  # the picture says how many there are
    sketch.steps = every
    sketch.items = {key: item for key, item in sketch.items.items() if key.step in stay}
    sketch.arrows = {
        arrow: None for arrow in sketch.arrows if stay.issuperset(k.step for k in arrow)
    }
    sketch.owner = {number: key for number, key in sketch.owner.items() if key.step in stay}


def _see_that_none_reads_past(arrows: Iterable[Arrow], kept: set[int]) -> None:
    """Steps can be left out if those that are drawn read none of them but the one before.

    Raises:
        ValueError: a step reads an earlier one that is left out.
    """
    for a, b in arrows:
        far = a.step is not None and b.step is not None and abs(a.step - b.step) > 1
        if far and a.strip == b.strip and b.step in kept and a.step not in kept:
            raise ValueError(
                f"step {b.step} reads {a.path[0]} of step {a.step}, which would be left out; "
                "draw all steps (all_steps=True, or --all-steps)"
            )


def elided(
    items: Mapping[Key, Item], arrows: Iterable[Arrow], steps: tuple[int, ...],
    kept: tuple[int, ...],
) -> tuple[tuple[Item, ...], tuple[Arrow, ...]]:  # fmt: skip
    """Items and arrows without the steps that are not kept; each state has a gap in its lane.

    Raises:
        ValueError: a step that is kept reads an earlier one that is not, past the one before it.
    """
    shown = {key: item for key, item in items.items() if key.step is None or key.step in kept}
    _see_that_none_reads_past(arrows, set(kept))
    count = len(steps) - len(kept)
    words = Say("gap", (count,)) if count > 1 else Say("gap of one")
    after = next(k for k in range(1, len(kept)) if steps[k] != kept[k])
    edge = kept[after - 1], kept[after]  # on both sides of the gap
    found: dict[Arrow, None] = {}
    for a, b in arrows:
        if b not in shown:
            continue
        if a in shown:
            found[a, b] = None
        elif b.step is not None and a.strip == b.strip and a.kind == "state":
            gap = Key("ellipsis", (*a.path[:2], b.step), None, a.strip)
            label = items[a].label._replace(formula=words)
            shown[gap] = Item(gap, "ellipsis", label, None, items[a].nodes)
            found[gap, b] = None
            before = next(step for step in edge if step != b.step)
            start = a._replace(step=before)
            if start in shown:
                found[start, gap] = None
    return tuple(shown.values()), tuple(found)
