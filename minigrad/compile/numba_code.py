"""A program for Numba: NumPy's code, with loops as machine code in the place of many calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

from minigrad.compile.cache import Cache
from minigrad.compile.fusion import Item, Loop, Single, fused
from minigrad.compile.loading import machine_code
from minigrad.compile.loop_code import KNOWN, Array, Kernel, LoopWriter, temporaries
from minigrad.compile.numpy_code import Writer
from minigrad.compile.program import Program, Variable

_kernels: Cache[Callable[..., None]] = Cache(1024)


def _compiled(name: str, kernel: Kernel) -> Callable[..., None]:
    """The machine code of a loop."""
    from minigrad.compile import loop_runtime  # it brings Numba

    text = f"from {loop_runtime.__name__} import *\n\n\n@kernel\ndef {name}{kernel.text}"
    signature = loop_runtime.signature(kernel.types)
    return machine_code(text, {name: signature}, loop_runtime.__name__)[name]


class LoopingWriter(Writer):
    """Writes a program whose elementwise parts and sums are loops."""

    def __init__(self, program: Program, targets: Mapping[Variable, Variable]) -> None:
        self.temporary: dict[Loop, dict[Variable, Variable]] = {}
        self.flats: dict[str, str] = {}
        super().__init__(program, targets)

    def arranged(self, views: Collection[Variable]) -> list[Item]:
        return fused(self.program, KNOWN, views)

    def scratch(self, loop: Loop, kept: Collection[Variable]) -> Sequence[Variable]:
        self.temporary[loop] = temporaries(loop, kept)
        return list(self.temporary[loop].values())

    def item(self, item: Item) -> None:
        if isinstance(item, Single):
            return super().item(item)
        kept = {x for x in item.made if x in self.memory.kept and x not in item.alias}
        for s in item.statements:
            if s.output in kept and self.result(s) is None:
                self.new(s)
        arrays = {x: self._array(item, x) for x in (*item.reads(), *kept) if not x.weak}
        kernel = LoopWriter(item, arrays, kept, self.temporary[item]).write()
        self.body.append(
            f"{self._function(kernel)}({', '.join(map(self._argument, kernel.arguments))})"
        )
        return None

    def _array(self, loop: Loop, x: Variable) -> Array:
        at = self.memory.layout[x]
        strides = [0] * len(loop.space)
        for d, step in zip(loop.dims[x], at.strides, strict=True):
            if d is not None:
                strides[d] = step
        memory = self.memory
        where = memory.inside.get(at.root, memory.place.get(at.root, at.root))
        return Array(at.root, where, at.offset, tuple(strides))

    def _function(self, kernel: Kernel) -> str:
        name = "loop_" + hashlib.sha256(
            (kernel.text + repr(kernel.types)).encode()
        ).hexdigest()[:16]  # fmt: skip
        if name not in self.names:
            self.names[name] = _kernels.get(name, lambda: _compiled(name, kernel))
        return name

    def _argument(self, x: int | Variable) -> str:
        if isinstance(x, int):
            return str(x)
        if x.weak:
            return self.operand(x)
        if x in self.memory.place and x not in self.text:  # for the time of one loop
            return self.in_arena(x, (x.size,))
        name = self.operand(x)
        if x in self.once:
            flat = self.flats.setdefault(name, f"{name}_flat")
            line = f"{flat} = {name}.reshape(-1)"
            if line not in self.made:
                self.made.append(line)
            return flat
        return f"{name}.reshape(-1)"
