"""What is judged: named inputs, outputs, and claimed gradients, whoever claims them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from minigrad.primitives.primitive import Array, Domain
from minigrad.verify.report import Witness

Arrays = Mapping[str, Array]
Gradients = Mapping[str, Any]
"""By input; ``None``, or no entry, means 0."""
Cotangents = Callable[[list[Array]], Sequence[Array]]


class Subject(ABC):
    """A function of named inputs that claims to know its own gradient.

    The judges see nothing else. Code runs in the world of the arrays that it is given: floats,
    complex numbers, or `minigrad.arrays.numbers.Numbers`.

    Attributes:
        name: what reports call it.
        inputs: the inputs that are differentiated, as float64 arrays: the example.
        domains: what numbers an input may be, where that is not every real number.
        assumed: inputs that are taken to be positive since all of the example is.
        constants: inputs that are not differentiated, each with the reason.
        eps: the rounding of the floats that it computes with.
        numbers_only: why it takes nothing but numbers; empty where it runs in every world.
        most_symbols: entries up to which a proof takes the example's own shapes.
        remarks: what else there is to know.
        spoils: of inputs whose gradient only a first call of backward gives, the reason.
        free: inputs whose example is random, so that any other point is as good.
        place: what to call the example in a report; empty for what `free` says.
    """

    name: str
    inputs: Mapping[str, np.ndarray]
    domains: Mapping[str, Domain]
    constants: dict[str, str]
    eps: float = float(np.finfo(float).eps)
    numbers_only: str = ""
    most_symbols: int = 60
    remarks: Sequence[str] = ()
    spoils: Mapping[str, str] = MappingProxyType({})
    free: frozenset[str] = frozenset()
    place: str = ""
    assumed: frozenset[str] = frozenset()
    order: ClassVar[int] = 1

    @abstractmethod
    def outputs(self, arrays: Arrays) -> list[Array]:
        """The outputs that are real numbers, computed from these inputs."""

    @abstractmethod
    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        """The outputs, and the claimed gradient of Σ cotangent · output by each input.

        Args:
            arrays: the inputs.
            cotangents: from the outputs to an array of the same shape for each.
        """

    def held(self) -> AbstractContextManager[None]:
        """Context manager around everything that is done with it."""
        return nullcontext()

    def smaller(self) -> Iterator[Subject]:
        """The same with shorter axes, for worlds in which every entry costs."""
        return iter(())

    def with_script(
        self, witness: Witness, name: str, index: tuple[int, ...], point: Arrays,
        cotangents: Sequence[Array],
    ) -> Witness:  # fmt: skip
        """The witness with a script that shows it, where the code can stand alone."""
        return witness

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the inputs that are differentiated."""
        return {name: x.shape for name, x in self.inputs.items()}

    @property
    def entries(self) -> int:
        """Of all inputs that are differentiated together."""
        return sum(x.size for x in self.inputs.values())

    def is_positive(self, name: str) -> bool:
        """Whether an input is positive, by its domain."""
        return self.domains.get(name, "real") in ("positive", "share", "above one")
