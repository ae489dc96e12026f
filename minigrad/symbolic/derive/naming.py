"""What the quantities of a cell are called: the letters of the field, or of the course notes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import sympy

from minigrad.symbolic import formula as f
from minigrad.symbolic.derive.chain import DELTA, LOSS
from minigrad.symbolic.formula import Quantity, Size
from minigrad.symbolic.read.equations import PREVIOUS, Affine, CellEquations

Notation = Literal["standard", "stm-ltm", "notes"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)
"""The notations of a derivation: see `derive`.

Example:
    >>> from minigrad.symbolic import NOTATIONS
    >>> NOTATIONS
    ('standard', 'stm-ltm', 'notes')
"""
_LATE = 1000  # the rank of what belongs to the next step, after that of this one
_GRADIENT = -1_000_000  # the rank of gradients, before everything else


@dataclass(frozen=True)
class Vocabulary:
    """Names to show, and the part that each quantity plays.

    Attributes:
        names: of a quantity in the code → as it is shown.
        gates: of a gate → the index of its W and b, where that is not the shown name.
        roles: of a quantity → the key of its part in `minigrad.symbolic.write.sentences`.
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


def roles_of(state: Collection[str]) -> Mapping[str, str]:
    """The part that each quantity of a cell with these states plays: a key of the sentences."""
    return _LSTM if {"h", "c"} <= set(state) else _GRU if "h" in state else {}


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
    memory, roles = {"h", "c"} <= set(equations.state), roles_of(equations.state)
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


class Naming:
    """Puts a cell's quantities at their time steps, under the names to show.

    Args:
        equations: the cell's.
        words: what its quantities are called.
    """

    def __init__(self, equations: CellEquations, words: Vocabulary) -> None:
        self.equations, self.words = equations, words
        self.affine = {e.name: e for e in equations.equations if isinstance(e, Affine)}
        self.gates = {gate.gate: gate for gate in self.affine.values()}
        self._computed = [equation.name for equation in equations.equations]
        others = sorted({*equations.shapes, *equations.constants} - {*self._computed})
        self._rank = {name: k for k, name in enumerate([*self._computed, *others])}

    def quantity(
        self, name: str, shift: int = 0, *, delta: bool = False, time: str = "t"
    ) -> Quantity:
        """A quantity ``shift`` steps after ``time``."""
        if name.endswith(PREVIOUS):
            name, shift = name.removesuffix(PREVIOUS), shift - 1
        rank = self._rank.get(name, len(self._rank))
        if delta:
            rank += _GRADIENT + (_LATE if shift > 0 else 0)
        if name in self.equations.parameters or name in self.equations.constants:
            return Quantity(name, delta=delta, rank=rank)
        base, _, gate = name.partition("_")
        if base in ("W", "b") and gate in self.gates and name not in self._computed:
            return Quantity(base, lower=self.words.index(gate), delta=delta, rank=rank)
        base, _, upper = name.partition("^")
        upper = self.words.index(upper) if upper else ""
        return Quantity(
            self.words.shown(base), shift, upper=upper, delta=delta, time=time, rank=rank
        )

    def at(
        self,
        expression: sympy.Expr,
        shift: int = 0,
        *,
        time: str = "t",
        call: Affine | None = None,
    ) -> sympy.Expr:
        """An expression of the step, with each quantity at its time.

        Args:
            expression: in symbols of the quantities, of their gradients, and of weights.
            shift: how many steps after ``time``.
            time: see `Quantity`.
            call: the gate's call whose weight is in the expression.
        """
        where: dict[sympy.Expr, sympy.Expr] = {}
        for columns in expression.atoms(f.columns, f.entries):
            of, start, stop = columns.args
            position = _position(self.equations, call, int(start), int(stop))
            if call is not None and str(of) == f"W_{call.gate}" and position is not None:
                where[columns] = self.columns(call, position)
            else:
                ends = [self.equations.lengths[int(n)] for n in (start, stop)]
                where[columns] = columns.func(self.at(of, shift, time=time), *ends)
        for s in expression.free_symbols:
            if isinstance(s, Size):
                continue
            name = s.name
            if name.startswith(DELTA):
                where[s] = self.quantity(name.removeprefix(DELTA), shift, delta=True, time=time)
            elif name.startswith(LOSS):
                where[s] = f.of_loss(self.quantity(name.removeprefix(LOSS), shift, time=time))
            else:
                where[s] = self.quantity(name, shift, time=time)
        return expression.xreplace(where)

    def weight(self, gate: str) -> Quantity:
        """W of a gate."""
        return self.quantity(f"W_{gate}")

    def columns(self, call: Affine, position: int) -> Quantity:
        """The weight, or those columns of it that meet one of several operands."""
        weight = self.weight(call.gate)
        if len(call.operands) == 1:
            return weight
        labels = [operand.removesuffix(PREVIOUS) for operand in call.operands]
        label = labels[position]  # c_{t−1} and c_t may both be there
        shown = self.words.shown(label)
        twice = labels.count(label) > 1
        return weight.replaced(upper=f"{shown}_{position + 1}" if twice else shown)

    def stacked(self, operands: tuple[str, ...]) -> sympy.Expr:
        """What a gate is applied to: [h_{t−1}, x_t]."""
        names = [self.quantity(operand) for operand in operands]
        return f.stacked(*names) if len(names) > 1 else names[0]


def _position(equations: CellEquations, call: Affine | None, start: int, stop: int) -> int | None:
    """Which operand of a gate meets the columns of its weight from ``start`` to ``stop``."""
    first = 0
    for position, operand in enumerate(call.operands if call else ()):
        width = equations.shapes[operand][-1]
        if (first, first + width) == (start, stop):
            return position
        first += width
    return None
