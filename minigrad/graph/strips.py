"""Unrolled layers as strips of steps that are alike: what comes into a step, and from where.

A step is drawn alone, so everything that comes into it gets an item in it: the input x_t, a
parameter that no gate owns. What remains between steps are the states.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from minigrad.graph.items import Item, View, subscript
from minigrad.notation import pretty

Items = dict[str, Item]
Arrows = list[tuple[str, str]]
_MANY = 3  # steps that are read together are drawn as one bundle
_ROLE = attrgetter("strip", "role")  # what is the same at every step


def arranged(items: Items, arrows: Arrows) -> tuple[Items, Arrows]:
    """Items and arrows such that only states go from step to step of a strip."""
    items = _at_home(items, arrows)
    for part in (_initial, _stubs, _ports, _bundles):
        items, arrows = part(items, arrows)
    return items, arrows


def order_of(view_items: Iterable[Item], arrows: Iterable[tuple[str, str]]) -> dict[str, list[int]]:
    """The steps of each strip in the order in which its states run: backward, in a reversed one."""
    items = {item.id: item for item in view_items}
    steps: dict[str, set[int]] = defaultdict(set)
    for item in items.values():
        if item.step is not None:
            steps[item.strip].add(item.step)
    onward: dict[str, int] = defaultdict(int)
    for a, b in arrows:
        one, other = items[a], items[b]
        if one.step is not None and other.step is not None and one.strip == other.strip:
            onward[one.strip] += (other.step > one.step) - (other.step < one.step)
    return {strip: sorted(found, reverse=onward[strip] < 0) for strip, found in steps.items()}


def is_strip(items: Iterable[Item]) -> bool:
    """Whether something is computed in these steps, and they are not inputs only."""
    return any(item.kind != "input" for item in items)


def _at_home(items: Items, arrows: Arrows) -> Items:
    """Inputs x_t that only one strip reads belong to it."""
    readers: dict[str, set[str]] = defaultdict(set)
    busy = {item.strip for item in items.values() if item.kind != "input"}
    for a, b in arrows:
        if items[a].step is not None and items[a].strip not in busy:
            readers[items[a].strip].add(items[b].strip)
    moved = {strip: next(iter(found)) for strip, found in readers.items()
             if len(found) == 1 and "" not in found}  # fmt: skip
    return {
        key: replace(item, strip=moved.get(item.strip, item.strip)) for key, item in items.items()
    }


def _consumers(arrows: Arrows) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for a, b in arrows:
        found[a].append(b)
    return found


def _initial(items: Items, arrows: Arrows) -> tuple[Items, Arrows]:
    """What the first step reads where the next one reads a state is that state's first value.

    A leaf becomes the state h₋₁; in front of what was computed, such as an encoder's last
    state, stands one. Each strip has its own.
    """
    readers = _consumers(arrows)
    items = dict(items)
    changed: dict[tuple[str, str], tuple[str, str]] = {}
    read: dict[tuple[Any, str], set[int | None]] = defaultdict(set)  # of each role, which steps
    for a, b in arrows:
        read[_ROLE(items[a]), b].add(items[a].step)
    for strip, steps in order_of(items.values(), arrows).items():
        if len(steps) < 2:
            second: dict[frozenset[str], Item] = {}
        else:
            second = _recurrent(items, readers, strip, steps[0], steps[1])
        outside: dict[str, list[str]] = {}
        for a, b in arrows:
            if (items[b].strip, items[b].step) != (strip, steps[0]):
                continue
            mine = (items[a].strip, items[a].step) == (strip, steps[0])
            if not mine or (items[a].kind == "input" and items[a].lines[0] == "input"):
                outside.setdefault(a, []).append(b)
        again = {
            _ROLE(items[a])
            for a, b in arrows
            if len(steps) > 1
            and (items[b].strip, items[b].step) == (strip, steps[1])
            and (len(read[_ROLE(items[a]), b]) == 1 or items[a].strip == strip)
        }
        for a, targets in outside.items():
            item = items[a]
            if item.step is not None and item.kind != "input" and _ROLE(item) in again:
                continue  # every step reads one of these: it is x_t
            all_steps = {b for b in targets if len(read[_ROLE(item), b]) > 1}  # as one of many
            roles = frozenset(items[b].role for b in targets)
            also = {items[b].role for b in all_steps}
            wanted, state = next(
                (found for found in second.items() if found[0] <= roles <= found[0] | also),
                (roles, None),
            )
            if item.kind == "state" and item.step is None:
                name = item.role
            elif state is not None and state.lines[-1] == item.lines[-1]:
                name = state.role
            else:
                continue
            before = steps[0] - 1 if len(steps) < 2 or steps[1] > steps[0] else steps[0] + 1
            label = pretty(name.removeprefix("state ")) + subscript(before)
            pill = Item(f"{name} {before} {strip}".rstrip(), "state", (label, item.lines[-1]), None,
                        name, f"initial state {label}", item.nodes, strip)  # fmt: skip
            items[pill.id] = pill
            targets = [b for b in targets if items[b].role in wanted]
            changed |= {(a, b): (pill.id, b) for b in targets if b not in all_steps}
            arrows = [*arrows, *((pill.id, b) for b in targets if b in all_steps)]
            if item.kind != "input" and not (item.kind == "state" and item.step is None):
                arrows = [*arrows, (a, pill.id)]
    arrows = [changed.get(arrow, arrow) for arrow in arrows]
    gone = {a for a, _ in changed} - {end for arrow in arrows for end in arrow}
    return {key: item for key, item in items.items() if key not in gone}, arrows


def _recurrent(
    items: Items, readers: Mapping[str, list[str]], strip: str, first: int, second: int
) -> dict[frozenset[str], Item]:
    """The states of one step, by the roles of what reads them in the next."""
    found = {}
    for key, item in items.items():
        if item.kind == "state" and (item.strip, item.step) == (strip, first):
            roles = frozenset(
                items[b].role for b in readers.get(key, ())
                if (items[b].strip, items[b].step) == (strip, second)
            )  # fmt: skip
            if roles:
                found[roles] = item
    return found


def _stubs(items: Items, arrows: Arrows) -> tuple[Items, Arrows]:
    """A parameter that several steps read stands in each of them; x_t is called so."""
    items, result = dict(items), []
    alone = defaultdict(list)
    for item in items.values():
        if item.kind == "input" and item.step is not None and item.lines[0] == "input":
            alone[item.strip, item.step].append(item)
    shapes = {(strip, found[0].lines[-1]) for (strip, _), found in alone.items() if len(found) == 1}
    for (strip, step), found in alone.items():
        plain = [item for item in found if len(found) == 1 or (strip, item.lines[-1]) in shapes]
        number = 0
        for item in found:
            name, role = f"x{subscript(step)}", "point x"
            if plain[:1] != [item]:  # computed before the first step: [h₋₁, x₀], say
                name, role = "constant", f"leaf {number}"
                number += 1
            said = f"input at step {step}"
            items[item.id] = replace(item, lines=(name, item.lines[-1]), role=role, tooltip=said)
    for a, b in arrows:
        one, other = items[a], items[b]
        if one.kind == "input" and one.step is None and other.step is not None:
            key = f"{a} {other.step} {other.strip}".rstrip()
            items[key] = replace(one, id=key, step=other.step, strip=other.strip, role=a,
                                 tooltip=f"{one.tooltip}, the same at every step")  # fmt: skip
            result.append((key, b))
        else:
            result.append((a, b))
    used, kept = {a for a, _ in result}, set(result)
    copied = {a for a, b in arrows if (a, b) not in kept} - used
    return {key: item for key, item in items.items() if key not in copied}, result


def _ports(items: Items, arrows: Arrows) -> tuple[Items, Arrows]:
    """What a step gets from another strip, or from before the first, enters it as its x_t."""
    items = dict(items)
    outside: dict[str, list[str]] = defaultdict(list)
    for a, b in arrows:
        one, other = items[a], items[b]
        if other.step is not None and one.strip != other.strip:
            outside[b].append(a)
    entered: dict[tuple[str, int | None, tuple[str, ...]], str] = {}
    count: dict[tuple[str, int | None], int] = defaultdict(int)
    moved: dict[tuple[str, str], str] = {}
    result: Arrows = []
    for b, sources in outside.items():
        target = items[b]
        assert target.step is not None
        if len({items[a].strip for a in sources}) == 1:
            sources.sort(key=lambda a: items[a].step or 0)
        place = (target.strip, target.step, tuple(sources))
        if place not in entered:
            number = count[place[:2]]
            count[place[:2]] += 1
            key = f"port {number} {target.step} {target.strip}"
            label = f"x{'′' * number}{subscript(target.step)}"
            names = ", ".join(items[a].called for a in sources)
            alike = len(sources) == 1 and items[sources[0]].step is not None
            shape = (
                items[sources[0]].lines[-1]
                if alike
                else names
                if len(sources) == 1
                else f"[{names}]"
            )
            nodes = items[sources[0]].nodes if len(sources) == 1 else ()
            said = f"input at step {target.step}: {names}"
            items[key] = Item(key, "input", (label, shape), target.step, f"port {number}", said,
                              nodes, target.strip)  # fmt: skip
            entered[place] = key
            result += [(a, key) for a in sources]
        moved |= {(a, b): entered[place] for a in sources}
    fresh = dict.fromkeys((moved[a, b], b) if (a, b) in moved else (a, b) for a, b in arrows)
    return items, [*fresh, *result]


def _bundles(items: Items, arrows: Arrows) -> tuple[Items, Arrows]:
    """Steps that are read all together come as one bundle [h₀ … h₉], also into another's steps."""
    items = dict(items)
    read: dict[str, list[str]] = defaultdict(list)
    for a, b in arrows:
        if items[a].step is not None and items[b].kind != "state" and (
            items[b].step is None or items[a].strip != items[b].strip
        ):  # fmt: skip
            read[b].append(a)
    made: dict[tuple[str, ...], str] = {}
    moved: dict[tuple[str, str], str] = {}
    for b, sources in read.items():
        inside = items[b].step is not None
        times = Counter(_ROLE(items[a]) for a in sources)  # how often the same comes, step by step
        if min(times.values()) < 2 if inside else len(sources) < _MANY:
            continue
        key = made.setdefault(tuple(sources), f"bundle {len(made)}")
        names = f"[{items[sources[0]].called} … {items[sources[-1]].called}]"
        items[key] = Item(key, "join", (names,), None, key,
                          f"{len(sources)} values, one above the other")  # fmt: skip
        if inside:
            items[b] = replace(items[b], lines=(items[b].lines[0], names))
        moved |= {(a, b): key for a in sources}
    direct = [(a, b) for a, b in arrows if (a, b) not in moved]
    into = dict.fromkeys((a, key) for (a, _), key in moved.items())
    onward = dict.fromkeys((key, b) for (_, b), key in moved.items())
    return items, [*direct, *into, *onward]


def rails(view: View) -> dict[str, str]:
    """Bundles of one strip that only the steps of strips above it read: the lowest of these."""
    items = {item.id: item for item in view.items}
    rank = {strip: k for k, strip in enumerate(order_of(view.items, view.arrows))}
    ends: dict[str, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for a, b in view.arrows:
        ends[b][0].append(items[a])
        ends[a][1].append(items[b])
    found = {}
    for item in view.items:
        sources, readers = ends[item.id]
        if item.kind != "join" or item.step is not None or not readers:
            continue
        if all(end.step is not None for end in (*sources, *readers)):
            lowest = min((reader.strip for reader in readers), key=rank.__getitem__)
            if all(rank[source.strip] < rank[lowest] for source in sources):
                found[item.id] = lowest
    return found


def tiled(view: View) -> bool:
    """Whether the view's steps can share one geometry: only states go from step to step."""
    items = {item.id: item for item in view.items}
    order = order_of(view.items, view.arrows)
    place = {(strip, step): k for strip, steps in order.items() for k, step in enumerate(steps)}
    rank = {strip: k for k, strip in enumerate(order)}
    roles: dict[str, set[str]] = defaultdict(set)
    seen: dict[tuple[str, int | None], set[str]] = defaultdict(set)
    for item in view.items:
        if item.step is not None:
            mine = seen[item.strip, item.step]
            if item.role in mine:
                return False
            mine.add(item.role)
            roles[item.strip].add(item.role)
    most: dict[str, int] = defaultdict(int)
    for (strip, _), mine in seen.items():
        most[strip] = max(most[strip], len(mine))
    if not order or any(len(roles[strip]) > most[strip] + 4 for strip in order):
        return False
    after, between = descendants(view), rails(view)
    for a, b in view.arrows:
        one, other = items[a], items[b]
        if a in between or b in between:
            continue
        if one.step is not None and other.step is not None:
            if one.strip == other.strip:
                if abs(place[other.strip, other.step] - place[one.strip, one.step]) > 1:
                    return False
            elif one.step != other.step or rank[one.strip] > rank[other.strip]:
                return False
        elif one.step is None and other.step is not None and one.kind != "state" and a in after:
            return False  # computed from the steps, and read by steps again
    return True


def descendants(view: View) -> set[str]:
    """The items outside of steps that something of a step leads to."""
    readers = _consumers(list(view.arrows))
    items = {item.id: item for item in view.items}
    found: set[str] = set()
    stack = [key for key, item in items.items() if item.step is not None]
    while stack:
        for b in readers.get(stack.pop(), ()):
            if b not in found and items[b].step is None:
                found.add(b)
                stack.append(b)
    return found


def title_of(strip: str) -> str:
    """What a picture calls a strip: layer 0, or the module that was unrolled."""
    kind, _, name = strip.rpartition("/")[2].partition(":")
    if kind != "layer":
        return name
    number, _, part = name.partition(" ")  # the direction that runs in reverse, or the output
    return f"layer {number}{part and f', {part}'}"
