"""What a derivation explains where it occurs: by function, the key of the sentence."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from minigrad.symbolic.formula import columns, entries
from minigrad.symbolic.pieces import inside, stopped

NOTES: Mapping[type[sympy.Function], str] = {
    entries: "entries_say",
    columns: "columns_of_say",
    stopped: "stopped_says",
    inside: "inside_says",
}
