"""Wires are right wherever boxes stand: none under a box, none on another's, all ends at boxes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.graph.drawing.wires import Cell, Net, plan


@st.composite
def problems(draw):
    """Boxes and circles of random sizes at random places, and random nets between them."""
    places = draw(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9))
    cells = {}
    for place in sorted(places):
        if draw(st.booleans()):
            cells[place] = Cell(*place, (30.0, 30.0), round=True)
        else:
            wide, high = draw(st.integers(30, 120)), draw(st.integers(26, 60))
            cells[place] = Cell(*place, (float(wide), float(high)))
    spots = sorted(cells)
    nets = {}
    for source in spots:
        others = [spot for spot in spots if spot != source]
        sinks = draw(st.lists(st.sampled_from(others), max_size=3, unique=True))
        if sinks:
            nets[source] = Net(source, dict.fromkeys(sinks, 0.0))
    return cells, nets


def pieces(path):
    return list(itertools.pairwise(path))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_wires_end_at_their_boxes_and_run_under_none(problem):
    cells, nets = problem
    drawn = plan(cells, nets)
    assert set(drawn.paths) == {(name, sink) for name, net in nets.items() for sink in net.sinks}
    for (name, sink), path in drawn.paths.items():
        for end, spot in ((path[0], name), (path[-1], sink)):
            x, y, w, h = drawn.boxes[spot]
            assert abs(end[0] - x) <= w / 2 + 0.1
            assert abs(end[1] - y) <= h / 2 + 0.1
            if cells[spot].round:
                assert np.hypot(end[0] - x, end[1] - y) == pytest.approx(w / 2, abs=0.1)
        for (ax, ay), (bx, by) in pieces(path):
            assert abs(ax - bx) < 0.06 or abs(ay - by) < 0.06  # level or upright
            for spot, (x, y, w, h) in drawn.boxes.items():
                inside = (
                    min(ax, bx) < x + w / 2 - 0.5 and max(ax, bx) > x - w / 2 + 0.5
                    and min(ay, by) < y + h / 2 - 0.5 and max(ay, by) > y - h / 2 + 0.5
                )  # fmt: skip
                assert not inside or (cells[spot].round and spot in (name, sink))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_no_two_nets_share_a_piece_of_wire_or_a_fork(problem):
    cells, nets = problem
    drawn = plan(cells, nets)
    found = [(name, piece) for (name, _), path in drawn.paths.items() for piece in pieces(path)]
    for (one, ((ax, ay), (bx, by))), (other, ((cx, cy), (dx, dy))) in itertools.combinations(
        found, 2
    ):
        if one == other:
            continue
        for a, b, c, d, e, f, g, h in (
            (ax, bx, cx, dx, ay, by, cy, dy), (ay, by, cy, dy, ax, bx, cx, dx)
        ):  # fmt: skip
            if max(abs(a - b), abs(c - d), abs(a - c)) < 1.5:  # on one line
                assert min(max(e, f), max(g, h)) - max(min(e, f), min(g, h)) < 1.5
    forks = [point for points in drawn.forks.values() for point in points]
    assert len({(round(x), round(y)) for x, y in forks}) == len(set(forks))


def test_a_straight_way_is_straight():
    cells = {"a": Cell(0, 0, (40, 30)), "b": Cell(2, 0, (60, 30))}
    (path,) = plan(cells, {"a": Net("a", {"b": 0.0})}).paths.values()
    assert len(path) == 2


def test_two_boxes_in_one_place_are_refused():
    with pytest.raises(ValueError, match="two boxes"):
        plan({"a": Cell(0, 0, (9, 9)), "b": Cell(0, 0, (9, 9))}, {})
