"""Every picture is legible in every style: on paper, on a dark screen, to all who see it."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import graph as command
from minigrad.graph import VIEWS, draw, source, svg, trace
from minigrad.graph.drawing.palette import PALETTES, STYLES
from minigrad.graph.drawing.part import FORMS
from minigrad.graph.explorer.page import page

each_style = pytest.mark.parametrize("style", STYLES)
Colour = tuple[float, float, float]  # of 1


def rgb(name: str) -> Colour:
    code = {"black": "#000000", "white": "#ffffff"}.get(name, name)
    assert re.fullmatch("#[0-9a-f]{6}", code), name
    return tuple(int(code[k : k + 2], 16) / 255 for k in (1, 3, 5))


def linear(colour: Colour) -> np.ndarray:
    """Without the gamma of sRGB (IEC 61966-2-1)."""
    c = np.array(colour)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: Colour) -> float:
    return float(linear(colour) @ (0.2126, 0.7152, 0.0722))


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2.2, "Contrast ratio" in its glossary."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def over(front: Colour, opacity: float, ground: Colour) -> Colour:
    return tuple(opacity * f + (1 - opacity) * g for f, g in zip(front, ground, strict=True))


@dataclass(frozen=True)
class Mark:
    """Something drawn: its corners, and the colours that it is drawn with."""

    tag: str
    box: tuple[float, float, float, float]
    fill: str
    stroke: str
    opacity: float
    words: str
    part: str  # node, edge, cluster, graph


def marks(text: str) -> Iterator[Mark]:
    """All of a picture, in the order of painting."""

    def walk(element: ET.Element, part: str) -> Iterator[Mark]:
        tag = element.tag.rpartition("}")[2]
        part = element.get("class", part)
        if tag in ("polygon", "polyline", "path", "ellipse", "text"):
            yield Mark(tag, extent(element, tag), element.get("fill", "black"),
                       element.get("stroke", "none"), float(element.get("stroke-opacity", 1)),
                       element.text or "", part)  # fmt: skip
        for child in element:
            yield from walk(child, part)

    return walk(ET.fromstring(text), "")


def extent(element: ET.Element, tag: str) -> tuple[float, float, float, float]:
    if tag == "ellipse":
        x, y, w, h = (float(element.get(k)) for k in ("cx", "cy", "rx", "ry"))
        return x - w, y - h, x + w, y + h
    if tag == "text":
        x, y, size = (float(element.get(k)) for k in ("x", "y", "font-size"))
        wide = 0.5 * size * len(element.text or "")
        x -= {"start": 0.0, "middle": wide / 2, "end": wide}[element.get("text-anchor")]
        return x, y - 0.7 * size, x + wide, y
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", element.get("points") or element.get("d"))]
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def grounds(text: str) -> Iterator[tuple[Mark, Colour]]:
    """All words, and what they stand on: at their middle and near both of their ends."""
    shapes: list[Mark] = []
    for mark in marks(text):
        if mark.tag != "text":
            if mark.fill not in ("none", "transparent") and mark.part != "edge":
                shapes.append(mark)
            continue
        left, top, right, bottom = mark.box
        for share in (0.15, 0.5, 0.85):
            x, y = left + share * (right - left), (top + bottom) / 2
            under = [s for s in shapes if s.box[0] <= x <= s.box[2] and s.box[1] <= y <= s.box[3]]
            yield mark, rgb(under[-1].fill)


@cache
def pictures():
    """Every view, of one cell, of a long sequence, of two directions, of heads and of a tensor."""
    both = nn.LSTM(2, 3, bidirectional=True, rng=0)
    with mg.unfused():
        y, _ = both(mg.Tensor(np.ones((1, 3, 2), np.float32), requires_grad=True, name="x"))
        loss = (y * y).mean()
    subjects = {"lstm": ("lstm", 3), "long": ("gru", 12), "heads": ("multi-head", 3),
                "both": (trace(loss, gradients_of=loss), 3), "product": ("matmul", 1)}  # fmt: skip
    found = {}
    for (name, (what, steps)), view in itertools.product(subjects.items(), VIEWS):
        try:
            found[f"{name}, {view}"] = draw(what, steps=steps, view=view)
        except ValueError:  # a view that this one does not have
            continue
    assert {picture.name for picture in found.values()} == set(VIEWS)
    return found


@cache
def drawn(style: str) -> dict[str, str]:
    return {name: svg(replace(one, style=style)) for name, one in pictures().items()}


@each_style
def test_all_words_stand_out_from_what_they_stand_on(style):
    paper, held = rgb(PALETTES[style].paper), 0
    for name, text in drawn(style).items():
        for mark, ground in grounds(text):
            found = contrast(rgb(mark.fill), ground)
            assert found >= 4.5, (name, mark, ground, found)
            held += ground != paper
    assert held > 1000


@pytest.mark.parametrize("style", ["dark", "print"])
def test_all_lines_stand_out_from_the_paper(style):
    paper = rgb(PALETTES[style].paper)
    for name, text in drawn(style).items():
        seen = [m for m in marks(text) if m.stroke not in ("none", "transparent")]
        assert seen
        for mark in seen:
            if mark.part != "graph":  # the paper's own edge
                line = over(rgb(mark.stroke), mark.opacity, paper)
                assert contrast(line, paper) >= 3, (name, mark)


@pytest.mark.parametrize("style", ["dark", "print"])
def test_lines_inside_of_frames_stand_out_too(style):
    ours = PALETTES[style]
    inside = [ours.arrow, ours.quiet, *(look["color"] for look in ours.kinds.values() if look)]
    assert min(contrast(rgb(line), rgb(ours.frame)) for line in inside) >= 3
    assert contrast(rgb(ours.wire), rgb(ours.kinds["state"]["fillcolor"])) >= 3


@each_style
def test_the_ground_is_the_style_s(style):
    for text in drawn(style).values():
        assert next(marks(text)).fill == PALETTES[style].paper


def test_a_print_has_greys_alone_and_black_words():
    for name, text in drawn("print").items():
        for mark in marks(text):
            for colour in (mark.fill, mark.stroke):
                assert colour in ("none", "transparent") or len(set(rgb(colour))) == 1, (name, mark)
            assert mark.tag != "text" or mark.fill == "black" or rgb(mark.fill) == (0, 0, 0)
        told = text[: text.index("</desc>")]
        assert not re.search("yellow|red |green|blue", told, re.IGNORECASE)


# Machado, Oliveira & Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency" (2009), the matrices of severity 1.0.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(colour: str, eye: str) -> np.ndarray:
    """CIE 1976 L*a*b*, of the white of sRGB, as such eyes see the colour."""
    seen = np.clip(np.array(EYES[eye]) @ linear(rgb(colour)), 0, 1)
    t = np.array(XYZ) @ seen / np.sum(XYZ, axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@each_style
@pytest.mark.parametrize("eye", EYES)
def test_kinds_are_told_apart_by_their_lines_or_by_colours_that_all_see(style, eye):
    view = replace(pictures()["lstm, unrolled"], style=style)
    looks = {kind: {"shape": FORMS.get(kind, "rounded"), "style": "", **look}
             for kind, look in view.palette.kinds.items() if look}  # fmt: skip
    for (kind, one), (other, two) in itertools.combinations(looks.items(), 2):
        apart = any(one.get(key) != two.get(key) for key in ("shape", "style"))
        far = max(np.linalg.norm(lab(one[key], eye) - lab(two[key], eye))
                  for key in ("fillcolor", "color"))  # fmt: skip
        assert apart or far > 10, (kind, other, far)


@each_style
@pytest.mark.parametrize("eye", EYES)
def test_heat_is_ordered_by_lightness(style, eye):
    found = [lab(fill, eye)[0] for fill, _ in PALETTES[style].heat]
    assert found in (sorted(found), sorted(found, reverse=True))
    assert np.abs(np.diff(found)).min() > 2.5  # of 100


@each_style
@pytest.mark.parametrize("eye", EYES)
def test_curves_with_the_same_dashes_are_told_apart(style, eye):
    first, *_, fourth = PALETTES[style].curves
    assert np.linalg.norm(lab(first, eye) - lab(fourth, eye)) > 10


def test_the_style_changes_colours_and_nothing_else():
    """The same words at the same places: what light says, dark and print say too."""

    def said(text):
        return [(mark.words, mark.box) for mark in marks(text) if mark.tag == "text"]

    for style in ("dark", "print"):
        assert drawn(style).keys() == drawn("light").keys()
        for name, text in drawn(style).items():
            assert said(text) == said(drawn("light")[name]), (style, name)


def test_no_two_styles_of_a_picture_share_an_id():
    ids = [set(re.findall(' id="([^"]+)"', drawn(style)["lstm, unrolled"])) for style in STYLES]
    assert all(ids)
    assert not any(one & other for one, other in itertools.combinations(ids, 2))


@each_style
def test_the_source_has_the_style_too(style):
    for picture in pictures().values():
        text = source(replace(picture, style=style))
        assert f'bgcolor="{PALETTES[style].paper}"' in text
        own = {PALETTES[style].grid, PALETTES[style].quiet}
        for other in set(STYLES) - {style}:
            foreign = PALETTES[other].kinds["layer"]["fillcolor"]
            assert f'"{foreign}"' not in text or foreign in own


def test_draw_writes_in_the_style_that_is_asked_for(tmp_path):
    for style in STYLES:
        picture = draw("rnn", tmp_path / "rnn.svg", steps=2, style=style)
        text = (tmp_path / "rnn.svg").read_text("utf-8")
        assert text == svg(picture) == picture._repr_svg_()
        assert next(marks(text)).fill == PALETTES[style].paper


@pytest.mark.parametrize("style", ["neon", "", None, ["dark"]])
def test_a_style_that_is_none_is_refused(style):
    with pytest.raises(ValueError, match=r"got style .*, expected one of light, dark, print"):
        draw("tanh", style=style)


def test_the_command_line_offers_every_style():
    (option,) = (o for o in command.params if o.name == "style")
    assert tuple(option.type.choices) == STYLES


def test_the_explorer_has_the_colours_of_the_pictures():
    text = page(trace(mg.tanh(mg.Tensor(1.0, requires_grad=True))))
    head, dark = text.split("@media screen and (prefers-color-scheme: dark)")[:2]
    for part, style in ((head, "light"), (dark, "dark")):
        ours = PALETTES[style]
        values = {"paper": ours.paper, "ink": ours.ink, "edge": ours.arrow}
        for kind in ("input", "layer", "point", "state", "join"):
            look = ours.kinds[kind]
            values |= {kind: look["fillcolor"], f"{kind}-line": look["color"]}
        assert all(f"--{name}: {colour};" in part for name, colour in values.items())
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used <= set(re.findall(r"(--[\w-]+):", text))
