"""What a derivation explains where it occurs: by function, the key of the sentence."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from minigrad.symbolic.formula import part
from minigrad.symbolic.pieces import inside, stopped

NOTES: Mapping[type[sympy.Function], str] = {
    part: "part_says",
    stopped: "stopped_says",
    inside: "inside_says",
}
