"""What quantities are called: the letters of the field, or those of the course notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from minigrad.symbolic.equations import Affine, CellEquations

Notation = Literal["standard", "stm-ltm", "notes"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)


@dataclass(frozen=True)
class Vocabulary:
    """Names to show, and the part that each quantity plays.

    Attributes:
        names: of a quantity in the code → as it is shown.
        gates: of a gate → the index of its W and b, where that is not the shown name.
        roles: of a quantity → the key of its part in `minigrad.symbolic.sentences`.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    def shown(self, name: str) -> str:
        """The name to show."""
        return self.names.get(name, name)

    def index(self, gate: str) -> str:
        """The index of a gate's W and b."""
        return self.gates.get(gate, self.shown(gate))


_LSTM = {"f": "forget", "i": "input", "o": "output", "g": "candidate", "c": "cell", "h": "hidden"}
_GRU = {"z": "update", "r": "reset", "h_tilde": "candidate_state", "h": "hidden"}
_STM_LTM = {"f": "forget_factor", "i": "ignore_factor", "o": "use_factor", "g": "learn",
            "c": "remember", "h": "use"}  # fmt: skip


def vocabulary(equations: CellEquations, notation: str) -> Vocabulary:
    """The vocabulary for a cell.

    Args:
        equations: the cell's.
        notation: ``"standard"`` (x, h, c, f, i, g, o), ``"stm-ltm"`` (E, STM, LTM; N for what is
            learned, V for what is used), or ``"notes"`` (C and C̃ for the memory and its
            candidate).

    Raises:
        ValueError: two of the cell's names would look alike.
    """
    memory = {"h", "c"} <= set(equations.state)
    roles = _LSTM if memory else _GRU if "h" in equations.state else {}
    found = Vocabulary(roles=roles)
    if notation == "stm-ltm":
        names = {"x": "E", "h": "STM", **({"c": "LTM", "g": "N", "o": "V"} if memory else {})}
        gates = {"g": "n", "o": "v"} if memory else {}
        found = Vocabulary(names, gates, _STM_LTM if memory else {**_GRU, "h": "use"})
    elif notation == "notes":
        found = Vocabulary({"c": "C", "g": "C_tilde"} if memory else {}, {"g": "C"}, roles)
    used = {e.name for e in equations.equations} | {"x", *equations.parameters}
    used |= {e.gate for e in equations.equations if isinstance(e, Affine)}
    for name in sorted(used & found.names.keys()):
        if found.names[name] in used:
            raise ValueError(
                f"derive: in notation {notation!r} {name} is called {found.names[name]}, which "
                f"{equations.title} has already"
            )
    return found
