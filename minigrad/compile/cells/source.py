"""From a plan to Python source: one function over all steps, and one for the backward pass.

All backends share everything but the bodies of the blocks: NumPy's are calls of ufuncs that
write into arrays made beforehand, Numba's one loop over the entries. All names are identifiers
made by the plan, all formulas SymPy's of the cell's own equations: no text from outside gets
into the source.

The functions take their arrays by name. All are flat behind the axes named here, with
n = width · batch entries of a quantity at one step, units before batch:

==========  ===========================  ======================================================
joint       (time + 1, …)                first state, x and ones, one below the other: [h; x; 1]
states      (other states, time + 1, n)  the other states
kept_…      (time, n) each               values of the step that the backward pass reads
affine      (gates, n)                   the gates' affine maps at one step
d_affine    (some steps, gates, n)       their cotangents, until the weights have got theirs
d_joint     as joint                     cotangents of it; at the start what comes from outside
d_after     (other states, n)            cotangents of the states after the step
d_before    (other states, n)            and before it
d_shared    (buffers, n)                 cotangents that one block hands to another
aside       (states, n)                  cotangents of sequences that have ended
going       (time, batch) or empty       whether a sequence still goes on
W_…, d_W_…  (rows, columns)              the weights of each product; in the backward pass Wᵀ
room        one axis                     scratch of a product
rows        (some, n)                    scratch of a block
==========  ===========================  ======================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sympy

from minigrad.compile.backends import Backend
from minigrad.compile.cells.plan import INPUT, Block, NotFusableError, Plan, Product, summand
from minigrad.compile.cells.statements import Assignment, Place, in_loop, in_ufuncs
from minigrad.symbolic.formula import symbol
from minigrad.symbolic.read.equations import PREVIOUS, Total


@dataclass(frozen=True)
class Source:
    """Generated code.

    Attributes:
        head: the first lines of a module, with its imports.
        body: the rest, which defines ``forward`` and ``backward``.
        arguments: of each of the two, in order.
        rows: how many rows of scratch it uses.
        buffers: how many rows of ``d_shared``.

    Example:
        >>> from minigrad.compile.backends import NUMPY
        >>> from minigrad.compile.cells import fusable, write
        >>> source = write(fusable(nn.RNNCell(3, 4)), NUMPY)
        >>> "def forward(" in source.text, source.arguments["forward"][:3]
        (True, ('n', 'batch', 'joint'))
    """

    head: str
    body: str
    arguments: Mapping[str, tuple[str, ...]]
    rows: int
    buffers: int

    @property
    def text(self) -> str:
        """The whole module."""
        return f"{self.head}\n{self.body}"


def write(plan: Plan, backend: Backend) -> Source:
    """The source for a plan.

    Raises:
        NotFusableError: the cell uses a function that the backends do not have.

    Example:
        >>> from minigrad.compile.backends import NUMPY
        >>> from minigrad.compile.cells import fusable, write
        >>> "tanh(a, h)" in write(fusable(nn.RNNCell(3, 4)), NUMPY).text
        True
    """
    try:
        return _Writer(plan, backend).write()
    except NotImplementedError as error:
        raise NotFusableError(f"{plan.equations.title}: {error}") from error


@dataclass
class _Writer:
    plan: Plan
    backend: Backend
    functions: list[str] = field(default_factory=list)
    arguments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scratch: int = 0
    written: set[str] = field(default_factory=set)

    def write(self) -> Source:
        plan = self.plan
        self.first, *self.others = plan.state
        self.rows = {affine.name: k for k, affine in enumerate(plan.affines)}
        self.buffers = [*dict.fromkeys([*self._inner_operands(), *self._crossing()])]
        passes = [*self._forward(), "", "", *self._backward(), ""]
        body = "\n".join([*self.functions, *passes])
        head = (
            f'"""{plan.equations.title} over a sequence, by minigrad.compile."""\n\n'
            f"from {self.backend.runtime} import *\n\n"
        )
        return Source(head, body, self.arguments, self.scratch, len(self.buffers))

    def _pass(self, name: str, arguments: Sequence[str], doc: str) -> list[str]:
        """The first lines of a function over all steps."""
        self.arguments[name] = tuple(arguments)
        return [
            *(["@over_time"] if self.backend.loops else []),
            f"def {name}({', '.join(arguments)}):",
            f'    """{doc}"""',
        ]

    def _own(self, prefix: str = "") -> list[str]:
        return [prefix + self.plan.identifier(p) for p in self.plan.equations.parameters]

    def _weights(self) -> list[str]:
        return [self._weight(p) for p in self.plan.products]

    def _kept(self, name: str) -> str:
        return f"kept_{self.plan.identifier(name)}"

    def _weight(self, product: Product) -> str:
        return f"W_{self.plan.identifier(product.operand)}"

    # Where quantities lie

    def _value(self, name: str) -> Place:
        """What the forward pass has stored at step t."""
        plan = self.plan
        base = name.removesuffix(PREVIOUS)
        if name in plan.equations.parameters:
            return Place(name, plan.identifier(name))
        if base in plan.state:
            at = "t" if name.endswith(PREVIOUS) else "t + 1"
            if base == self.first:
                return Place(name, f"joint[{at}, :n]")
            return Place(name, f"states[{self.others.index(base)}, {at}]")
        if name in plan.kept:
            return Place(name, f"{self._kept(name)}[t]")
        return Place(name, f"affine[{self.rows[name]}]")

    def _operand(self, product: Product) -> str:
        if product.operand == self.plan.joint:
            return "joint[t]"
        if product.operand == INPUT:
            return "joint[t, n:]"
        return self._value(product.operand).text

    def _history(self, product: Product) -> str:
        """A product's operand at the steps t to stop, (time, width · batch)."""
        operand = product.operand
        base = operand.removesuffix(PREVIOUS)
        steps = "t:stop" if operand.endswith(PREVIOUS) else "t + 1 : stop + 1"
        if operand == self.plan.joint:
            return "joint[t:stop]"
        if operand == INPUT:
            return "joint[t:stop, n:]"
        if base == self.first:
            return f"joint[{steps}, :n]"
        if base in self.others:
            return f"states[{self.others.index(base)}, {steps}]"
        return f"{self._kept(operand)}[t:stop]"

    def _cotangent(self, name: str) -> Place:
        """Where the cotangent of a quantity is gathered."""
        base = name.removesuffix(PREVIOUS)
        label = f"∂{name}"
        if name == self.plan.joint:
            return Place(label, "d_joint[t]")
        if name == INPUT:
            return Place(label, "d_joint[t, n:]")
        if name in self.rows:
            return Place(label, f"d_affine[s, {self.rows[name]}]")
        if name in self.plan.equations.parameters:
            return Place(label, f"d_{self.plan.identifier(name)}")
        if base == self.first:
            return Place(label, f"d_joint[{'t' if name.endswith(PREVIOUS) else 't + 1'}, :n]")
        if base in self.others:
            return Place(label, f"d_{'before' if name.endswith(PREVIOUS) else 'after'}"
                                f"[{self.others.index(base)}]")  # fmt: skip
        return Place(label, f"d_shared[{self.buffers.index(name)}]")

    def _inner_operands(self) -> list[str]:
        known = {INPUT, self.plan.joint, *self.plan.state,
                 *(f"{s}{PREVIOUS}" for s in self.plan.state)}  # fmt: skip
        return [p.operand for p in self.plan.products if p.operand not in known]

    def _crossing(self) -> Iterable[str]:
        """Quantities of a block that another stage reads, and what totals are."""
        plan = self.plan
        for total in plan.totals:
            yield total.name
            if summand(total) in plan.block_of and summand(total) not in plan.state:
                yield summand(total)
        for name, k in plan.block_of.items():
            if name not in plan.state and any(
                symbol(name) in equation.expression.free_symbols
                for j, stage in enumerate(plan.stages)
                if isinstance(stage, Block) and j != k
                for equation in stage.equations
            ):
                yield name

    # Forward

    def _forward(self) -> list[str]:
        plan = self.plan
        body = []
        for number, stage in enumerate(plan.stages):
            if isinstance(stage, Product):
                call = "product" if stage.operand in (plan.joint, INPUT) else "add_product"
                body.append(
                    f"{call}({self._weight(stage)}, {self._operand(stage)}, "
                    f"affine[{stage.first}:{stage.last}], room)"
                    f"  # {', '.join(a.name for a in plan.affines[stage.first : stage.last])}"
                )
            elif isinstance(stage, Total):
                body.append(self._total("total", stage, summand(stage), stage.name))
            else:
                body.append(self._forward_block(number, stage))
        held = [Place("", "joint[t, :n], joint[t + 1, :n]")] + [
            Place("", f"states[{k}, t], states[{k}, t + 1]") for k in range(len(self.others))
        ]
        arguments = ["n", "batch", "joint", "states", "affine", "room", "rows", "going",
                     *map(self._kept, plan.kept), *self._weights(), *self._own()]  # fmt: skip
        return [
            *self._pass("forward", arguments, "From the first step to the last."),
            "    for t in range(len(joint) - 1):",
            *(f"        {line}" for line in body),
            "        if len(going):  # where a sequence has ended, its states stay as they are",
            *(f"            hold({place.text}, going[t])" for place in held),
        ]

    def _total(self, function: str, total: Total, source: str, target: str) -> str:
        """The call that sums over the units, forward or, as it is its own adjoint, back."""
        if source == total.name:
            read, written = self._cotangent(source).text, self._cotangent(target).text
            remark = f"∂{target}"
        else:  # an affine map is where its product has left it
            row = self.rows.get(source)
            read = self._value(source).text if row is None else f"affine[{row}]"
            written, remark = self._value(target).text, target
        factor = f"{total.factor.p}, {total.factor.q}"
        return f"{function}({read}, {written}, batch, {factor})  # {remark}"

    def _forward_block(self, number: int, block: Block) -> str:
        todo = []
        for name in self.rows:  # an affine map that the backward pass reads is kept as it is
            if name in self.plan.kept and self._ready_in(name) == number:
                source = symbol(f"{name} now")
                todo.append(Assignment(name, source, self._value(name)))
        reads = {f"{name} now": Place(name, f"affine[{row}]") for name, row in self.rows.items()}
        for equation in block.equations:
            name = equation.name
            stored = name in self.plan.kept or name in self.plan.state
            todo.append(Assignment(
                name, equation.expression, self._value(name) if stored else None
            ))  # fmt: skip
        return self._function(f"forward_{number}", todo, reads)

    def _ready_in(self, affine: str) -> int:
        """The first block that reads an affine map."""
        return next(
            k for k, stage in enumerate(self.plan.stages)
            if isinstance(stage, Block)
            and any(symbol(affine) in e.expression.free_symbols for e in stage.equations)
        )  # fmt: skip

    # Backward

    def _backward(self) -> list[str]:
        plan = self.plan
        body: list[str] = []
        for number in range(len(plan.stages) - 1, -1, -1):
            stage = plan.stages[number]
            if isinstance(stage, Product):
                place = self._cotangent(stage.operand)
                call = "add_product" if self._is_begun(stage.operand) else "product"
                self.written.add(stage.operand)
                rows = f"d_affine[s, {stage.first}:{stage.last}]"
                body += ["if len(going):", f"    clear({rows}, going[t])"]
                body.append(f"{call}({self._weight(stage)}, {rows}, {place.text}, room)")
            elif isinstance(stage, Total):
                source = summand(stage)
                call = "add_total" if self._is_begun(source) else "total"
                body.append(self._total(call, stage, stage.name, source))
                self.written.add(source)
            else:
                body.append(self._backward_block(number, stage))
        for k, name in enumerate(self.others):
            if f"{name}{PREVIOUS}" not in self.written:
                body.append(f"zero(d_before[{k}])")
        turned = ["d_joint[t + 1, :n]"] + [f"d_after[{k}]" for k in range(len(self.others))]
        arrived = ["d_joint[t, :n]"] + [f"d_before[{k}]" for k in range(len(self.others))]
        arguments = ["n", "batch", "joint", "states", "d_affine", "d_joint", "d_after",
                     "d_before", "d_shared", "aside", "room", "rows", "going",
                     *map(self._kept, plan.kept), *self._weights(),
                     *(f"d_{w}" for w in self._weights()), *self._own(),
                     *self._own("d_")]  # fmt: skip
        return [
            *self._pass("backward", arguments, "From the last step to the first, given Wᵀ."),
            "    stop = len(joint) - 1",
            "    for t in range(len(joint) - 2, -1, -1):",
            "        s = t % len(d_affine)",
            "        if len(going):  # behind a sequence's end cotangents pass by the step",
            *(
                f"            divert({place}, aside[{k}], going[t])"
                for k, place in enumerate(turned)
            ),
            "            add(d_joint[t, :n], aside[0])",
            *(f"        {line}" for line in body),
            "        if len(going):",
            *(
                f"            hold(aside[{k}], {place}, going[t])"
                for k, place in enumerate(arrived)
            ),
            "        d_after, d_before = d_before, d_after",
            "        if s == 0:  # d_affine is full",
            *(
                f"            outer(d_affine, {p.first}, {p.last}, {self._history(p)}, "
                f"d_{self._weight(p)}, room)"
                for p in plan.products
            ),
            "            stop = t",
            "    return d_after",
        ]

    def _is_begun(self, name: str) -> bool:
        """Whether something is in a cotangent's place that has to be added to."""
        base = name.removesuffix(PREVIOUS)
        return (
            name in self.written
            or name in (self.plan.joint, INPUT, *self.plan.equations.parameters)
            or base == self.first
            or name in self.others
        )

    def _backward_block(self, number: int, block: Block) -> str:
        """Cotangents of what a block reads, from those of what it computes."""
        plan = self.plan
        sums: dict[str, sympy.Expr] = {}
        reads: dict[str, Place] = {}
        todo: list[Assignment] = []
        computed = {equation.name for equation in block.equations}
        uses = Counter(s.name for e in block.equations for s in e.expression.free_symbols)
        for equation in reversed(block.equations):
            w = equation.name
            total = sums.pop(w, sympy.Integer(0))
            if w in plan.state or w in self.written:
                reads[f"∂{w} so far"] = self._cotangent(w)
                total += symbol(f"∂{w} so far")
            if not total.is_Symbol and total != 0:
                todo.append(Assignment(f"∂{w}", total))
                total = symbol(f"∂{w}")
            for v in sorted((s.name for s in equation.expression.free_symbols), key=str):
                sums[v] = sums.get(v, sympy.Integer(0)) + total * plan.partials[w, v]
                uses[v] -= 1
                if not uses[v] and v not in computed:  # all that it is used for is done
                    found = sums.pop(v)
                    if found != 0:
                        place, begun = self._cotangent(v), self._is_begun(v)
                        todo.append(Assignment(f"∂{v}", found, place, add=begun))
                        self.written.add(v)
        return self._function(f"backward_{number}", todo, reads)

    # A block's function

    def _function(self, name: str, todo: Sequence[Assignment], reads: dict[str, Place]) -> str:
        """Write the function that does what is to be done; return the call of it."""
        computed = {a.name for a in todo}
        for s in {s.name for a in todo for s in a.expression.free_symbols} - computed:
            if s not in reads:
                reads[s] = self._value(s)
        used = {s.name for a in todo for s in a.expression.free_symbols}
        reads = {s: place for s, place in sorted(reads.items()) if s in used}
        arrays: dict[str, str] = {}  # text of the place → name of the argument
        for place in [*reads.values(), *(a.place for a in todo if a.place is not None)]:
            arrays.setdefault(place.text, self._argument(place, arrays))
        write = in_loop if self.backend.loops else in_ufuncs
        body, scratch = write(todo, reads, arrays, self._identifier)
        self.scratch = max(self.scratch, scratch)
        self.functions += [
            *(["@block"] if self.backend.loops else []),
            f"def {name}({', '.join([*arrays.values(), 'rows'])}):",
            *(f"    {line}" for line in body), "", "",
        ]  # fmt: skip
        return f"{name}({', '.join([*arrays, 'rows'])})"

    def _argument(self, place: Place, arrays: dict[str, str]) -> str:
        suffix = "_t" if self.backend.loops else ""
        name = self._identifier(place.name) + suffix
        while name in arrays.values():
            name += "_"
        return name

    def _identifier(self, name: str) -> str:
        if name.startswith("∂"):
            return f"d_{self.plan.identifier(name[1:])}"
        return self.plan.identifier(name)
