"""The colours of pictures: on a light page, on a dark one, and in print.

No other file of a picture names a colour. Kinds of items also differ in their shape and in what
is written in them, so that no picture needs colours to be seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_BLACK, _WHITE = "#000000", "#ffffff"


@dataclass(frozen=True)
class Palette:
    """What one style gives each part of a picture.

    Attributes:
        paper: the ground that everything stands on.
        ink: words.
        arrow: arrows.
        wire: lines of the cell view, whose ground is a state's.
        frame: what a step is filled with.
        quiet: the borders of frames, of the scale and of what has no gradient; axes.
        grid: lines between the axes.
        kinds: Graphviz's attributes of each kind of item: its colours, and its lines where
            these must tell it from another kind.
        heat: fill and words for each power of ten of a gradient, the smallest first; from dark
            to bright, or from pale to dark in print.
        curves: of a gradient's size in time; they differ in dashes and marks too.
        weight: a line of attention, and the least opacity that it has, of 255.
        names: how each kind looks, in words, for a reader who does not see the picture.
    """

    paper: str
    ink: str
    arrow: str
    wire: str
    frame: str
    quiet: str
    grid: str
    kinds: Mapping[str, Mapping[str, str]]
    heat: tuple[tuple[str, str], ...]
    curves: tuple[str, str, str, str]
    weight: tuple[str, int]
    names: Mapping[str, str]

    def look(self, kind: str) -> Mapping[str, str]:
        """How items of a kind look."""
        return self.kinds.get(kind, {})

    def heated(self, power: float | None, coldest: int = -8) -> Mapping[str, str]:
        """How an item looks whose gradient has a size of 10 to this power; ``None``: none.

        The first colour is that of 10 to the power ``coldest`` and less.
        """
        if power is None:
            return {"fillcolor": self.paper, "color": self.quiet, "fontcolor": self.ink,
                    "style": "filled,dashed"}  # fmt: skip
        if power == -math.inf:
            return {"fillcolor": self.paper, "color": self.ink, "fontcolor": self.ink,
                    "style": "filled,dotted"}  # fmt: skip
        last = len(self.heat) - 1
        fill, ink = self.heat[max(0, min(last, math.floor(power) - coldest))]
        return {"fillcolor": fill, "fontcolor": ink}


# Matplotlib's cividis: seen alike with any colour vision.
_CIVIDIS = (
    *((fill, _WHITE) for fill in ("#00224e", "#123570", "#3b496c", "#575d6d", "#707173")),
    *((fill, _BLACK) for fill in ("#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838")),
)
_HUES = {"layer": "yellow boxes", "point": "red circles", "state": "green boxes",
         "input": "blue boxes"}  # fmt: skip

# The notation of the course notes: yellow boxes are layers, red circles act on each entry.
PALETTES: Mapping[str, Palette] = {
    "light": Palette(
        paper="white", ink="black", arrow="#444444", wire="#333333", frame="#fafafa",
        quiet="#9a9a9a", grid="#dddddd",
        kinds={
            "input": {"fillcolor": "#dbe9f6", "color": "#2f5d8a"},
            "parameter": {"fillcolor": "#e9e2f5", "color": "#5b3f8c"},
            "constant": {"fillcolor": "#f4f4f0", "color": "#6b6b60",
                         "style": "rounded,filled,dashed"},
            "module": {"fillcolor": "#fff3cf", "color": "#8a6d00", "style": "filled,bold"},
            "layer": {"fillcolor": "#ffe699", "color": "#8a6d00"},
            "point": {"fillcolor": "#f6b8ae", "color": "#a03020"},
            "operation": {"fillcolor": "#f6b8ae", "color": "#a03020"},
            "state": {"fillcolor": "#e3f1e3", "color": "#2d6a2d"},
            "join": {"fillcolor": "#eeeeee", "color": "#555555"},
            "ellipsis": {},
        },
        heat=_CIVIDIS,
        curves=("#0b62a4", "#c2570c", "#117733", "#882255"),
        weight=("#0b62a4", 70),
        names=_HUES,
    ),
    "dark": Palette(
        paper="#17181a", ink="#ecece8", arrow="#b4b4ae", wire="#d0d0ca", frame="#1e2023",
        quiet="#767a80", grid="#6c7077",
        kinds={
            "input": {"fillcolor": "#1d3a56", "color": "#86b6e2"},
            "parameter": {"fillcolor": "#35294d", "color": "#bfa3ee"},
            "constant": {"fillcolor": "#26282b", "color": "#a8a8a2",
                         "style": "rounded,filled,dashed"},
            "module": {"fillcolor": "#3a3210", "color": "#e0bd45", "style": "filled,bold"},
            "layer": {"fillcolor": "#4d3f00", "color": "#e0bd45"},
            "point": {"fillcolor": "#5c2119", "color": "#f0968a"},
            "operation": {"fillcolor": "#5c2119", "color": "#f0968a"},
            "state": {"fillcolor": "#1d3f1f", "color": "#7fc583"},
            "join": {"fillcolor": "#34363a", "color": "#a8a8a2"},
            "ellipsis": {},
        },
        heat=_CIVIDIS,
        curves=("#6cb4ee", "#f5a35c", "#5ecb83", "#e08ab8"),
        weight=("#86b6e2", 140),
        names=_HUES,
    ),
    "print": Palette(
        paper="white", ink="black", arrow="black", wire="black", frame="white",
        quiet="#767676", grid="#949494",
        kinds={
            "input": {"fillcolor": "white", "color": "black", "style": "rounded,filled,dashed"},
            "parameter": {"fillcolor": "white", "color": "black", "style": "filled,diagonals"},
            "constant": {"fillcolor": "white", "color": "#595959",
                         "style": "rounded,filled,dotted"},
            "module": {"fillcolor": "#efefef", "color": "black", "style": "filled,bold"},
            "layer": {"fillcolor": "#dddddd", "color": "black"},
            "point": {"fillcolor": "white", "color": "black"},
            "operation": {"fillcolor": "#f0f0f0", "color": "black"},
            "state": {"fillcolor": "white", "color": "black"},
            "join": {"fillcolor": "white", "color": "black", "style": "filled,dotted"},
            "ellipsis": {},
        },
        heat=tuple(
            (fill, _BLACK)
            for fill in ("#f4f4f4", "#e6e6e6", "#d9d9d9", "#cbcbcb", "#bebebe",
                         "#b0b0b0", "#a3a3a3", "#959595", "#888888", "#7a7a7a")
        ),
        curves=("black", "#444444", "black", "#767676"),
        weight=("#000000", 110),
        names={"layer": "grey boxes", "point": "circles", "state": "boxes with a thick line",
               "input": "boxes with a dashed line"},
    ),
}  # fmt: skip
STYLES = tuple(PALETTES)
