"""The lines of one written function: what gets a line and a name, and what is a part of another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from minigrad.compile.operations import SIGN, index_text, never_repeats, written
from minigrad.compile.program import Literal, Operand, Statement, Variable
from minigrad.compile.readable.forms import form, is_shift, stepped
from minigrad.compile.readable.text import ATOM, Expression, commented, literal, shape_text
from minigrad.compile.readable.writer import Unwritable, Writer

_WIDTH = 80  # of an expression, from which a part of it gets a line of its own
_PAGE = 104  # length of a line with its comment
_SHORT = 20  # of a transpose that is written wherever it is read


class Body:
    """The lines of one function."""

    def __init__(
        self, writer: Writer, statements: Sequence[Statement], forced: set[Variable]
    ) -> None:
        self.writer, self.statements, self.forced = writer, statements, forced
        self.uses = Counter(
            x for s in statements for x in s.operands if isinstance(x, Variable)
        )  # fmt: skip
        self.makers = {s.output: s for s in statements}
        self.last = {s.output.of: s.output for s in statements if s.output.of is not None}
        self.waiting: dict[Variable, Statement] = {}
        self.written: list[str] = []

    def lines(self) -> list[str]:
        for s in self.statements:
            if s.operation.name == "where" and is_shift(self.makers, s):
                self.uses[s.operands[1]] -= 1  # type: ignore[index]
                del self.uses[s.operands[0]]
        for s in reversed(self.statements):  # an array that is filled has one name from the start
            base = s.operands[0] if s.operation.name == "put" else None
            if isinstance(base, Variable) and s.output in self.writer.text and self.is_own(base):
                self.writer.text[base] = self.writer.text[s.output]
        for s in self.statements:
            if len(s.outputs) != 1 or "<" in s.operation.name:
                raise Unwritable(f"{self.writer.title}: {s.operation.name} has no source in NumPy")
            x = s.output
            if s.operation.kind == "check":
                self.written.append(f"assert {self.operand(s.operands[0]).within(ATOM)}.all()")
            elif s.operation.name in ("scatter", "put"):
                self.placed(s)
            elif s.operation.name == "isfinite" and not self.uses[x] and x not in self.forced:
                continue  # see `_is_shift`
            elif self.is_part(s):
                self.waiting[x] = s
            else:
                self.assigned(s, self.expression(s))
        return self.written

    def is_part(self, s: Statement) -> bool:
        """Whether a value is only a part of another's expression."""
        x = s.output
        if x in self.forced or x in self.writer.text or s.operation.kind == "draw":
            return False
        if s.operation.name == "transpose":  # of a name, wherever it is read
            return True
        if x.of is not None and x.of.name and self.last[x.of] is x and s.operation.kind != "view":
            return False  # the gradient of what has a name has one too
        return self.uses[x] == 1 and (x.name is None or s.operation.kind == "view")

    def assigned(self, s: Statement, expression: Expression) -> str:
        """A line of its own for a value."""
        name = self.name(s)
        self.write(f"{name} = {expression.text}", s.output)
        return name

    def name(self, s: Statement) -> str:
        """The name of a value."""
        text = self.writer.text
        return text[s.output].text if s.output in text else self.writer.named(
            s.output, _usual(self.writer, s)
        )  # fmt: skip

    def write(self, line: str, x: Variable) -> None:
        """A line that computes a value, with its comment behind it or above."""
        comment = self.comment(x)
        whole = commented(line, comment)
        self.written += [whole] if len(whole) <= _PAGE else [f"# {comment}", line]

    def comment(self, x: Variable) -> str:
        """The shape, and through which value a cotangent comes."""
        parts = [] if x.dtype is None or x.weak else [shape_text(x.shape)]
        through = self.writer.text.get(x.through) if x.through is not None else None
        if through is not None and through.text.isidentifier():
            parts.append(self.writer.words["through"].format(name=through.text))
        return ", ".join(parts)

    # Expressions

    def operand(self, x: Operand) -> Expression:
        """A value where it is read."""
        if isinstance(x, Literal):
            return literal(x)
        if x.value is not None:
            return self.writer.constant(x)
        if x in self.waiting:
            s = self.waiting.pop(x)
            found = self.expression(s)
            if self.uses[x] > 1 and len(found.text) > _SHORT:
                self.assigned(s, found)
            else:
                self.writer.text[x] = found
        return self.writer.text[x]

    def expression(self, s: Statement) -> Expression:
        """A statement as an expression; parts that would make it too long get lines first."""
        if s.operation.name == "where" and is_shift(self.makers, s):
            return self.operand(s.operands[1])
        operands = [self.operand(x) for x in s.operands]
        found = form(self.writer, self.makers, s, operands)
        while len(found.text) > _WIDTH:
            long = [
                (len(e.text), k) for k, (e, x) in enumerate(zip(operands, s.operands, strict=True))
                if isinstance(x, Variable) and x.value is None and not e.text.isidentifier()
            ]  # fmt: skip
            if not long:
                break
            _, k = max(long)
            x = s.operands[k]
            assert isinstance(x, Variable)
            whole = self.writer.text.pop(x)
            operands[k] = Expression(self.assigned(self.makers[x], whole))
            found = form(self.writer, self.makers, s, operands)
        return found

    def placed(self, s: Statement) -> None:
        """Entries set, or added to, in an array of their own."""
        writer, x = self.writer, s.output
        operands = [self.operand(y) for y in map(self.narrow, s.operands)]
        texts = [e.text for e in operands]
        index = index_text(s.static["index"], stepped(s, texts))
        if s.operation.name == "scatter":
            value, add = operands[0], not never_repeats(s)
            name = self.name(s)
            assert x.dtype is not None
            dtype = "" if x.dtype == float else f", {written(x.dtype)}"
            start = f"np.zeros({shape_text(x.shape)}{dtype})"
            self.write(f"{name} = {start}", x)
        else:
            base, value, add = s.operands[0], operands[1], s.static["add"]
            if isinstance(base, Variable) and self.is_own(base):
                writer.text[x] = operands[0]
                name = operands[0].text
            else:
                name = self.name(s)
                copied = f"{operands[0].within(ATOM)}.copy()"
                self.write(f"{name} = {copied}", x)
        if add and not never_repeats(s):
            parts = s.static["index"] if isinstance(s.static["index"], tuple) else None
            whole = index if parts is None else f"({index})"
            if parts is not None and any(isinstance(p, slice) or p is Ellipsis for p in parts):
                whole = f"np.s_[{index}]"
            self.written.append(f"np.add.at({name}, {whole}, {value.text})")
        else:
            text, sign = value.text, "+=" if add else "="
            if add and value.rank == SIGN and text.startswith("-"):
                text, sign = text[1:], "-="
            self.written.append(f"{name}[{index}] {sign} {text}")

    def narrow(self, x: Operand) -> Operand:
        """What is broadcast only to be assigned."""
        s = self.waiting.get(x) if isinstance(x, Variable) else None
        if s is None or s.operation.name != "broadcast_to" or self.uses[s.output] > 1:
            return x
        del self.waiting[s.output]
        return s.operands[0]

    def is_own(self, x: Variable) -> bool:
        """Whether an array was made here to be written into, and nobody else reads it."""
        makers = {s.output for s in self.statements if s.operation.name in ("scatter", "put")}
        return x in makers and self.uses[x] == 1 and x not in self.forced


_NOUNS: Mapping[str, str] = {
    "concatenate": "joined", "stack": "stacked", "matmul": "product", "sum": "total",
    "max": "largest", "min": "smallest", "absolute": "size",
}  # fmt: skip


def _usual(writer: Writer, s: Statement) -> str:
    """What to call a value: by its own name, by its gate, by what it is computed of."""
    x = s.output
    if x.name is not None:
        return x.name
    value = writer.text.get(x.of) if x.of is not None else None
    if value is not None and value.text.isidentifier():
        return f"d{value.text}"
    gate = re.search(r"gate (\w+)$", x.place)
    step = re.search(r"step (\d+)", x.place)
    name = s.operation.name
    if gate and name == "add":
        base = f"z_{gate[1]}"
    elif s.operation.kind == "elementwise" and len(s.operands) == 1:
        inner = writer.text.get(s.operands[0])  # type: ignore[arg-type]
        return f"{name}_{inner.text}" if inner is not None and inner.text.isidentifier() else name
    else:
        base = _NOUNS.get(name, "t")
    return f"{base}_{step[1]}" if step else base
