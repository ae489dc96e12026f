"""What both written functions share: names, helpers and constants."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping

from minigrad.compile.helpers import HELPERS
from minigrad.compile.program import Variable
from minigrad.compile.readable.text import Expression, constant_text, identifier, listed_array

OWN = frozenset({"np", "math", "special", "rng", "cache", *HELPERS})
"""Names that the source uses itself."""
_LISTED = 4096  # entries of a constant that may stand in the source


class Unwritable(ValueError):  # noqa: N818 (what it is, not what was done wrong)
    """Why a function has no source of its own: one sentence."""


class Writer:
    """Names of variables, and what the source needs besides its functions.

    Args:
        title: of the function.
        words: of the comments.

    Attributes:
        taken: names that nothing else may have.
        text: the expression for each variable that has one.
        helpers: names of the helper functions that are called.
        constants: lines that define arrays.
    """

    def __init__(self, title: str, words: Mapping[str, str]) -> None:
        self.title, self.words = title, words
        self.taken: set[str] = {*OWN, *keyword.kwlist, *dir(builtins)}
        self.text: dict[Variable, Expression] = {}
        self.helpers: set[str] = set()
        self.constants: list[str] = []

    def fresh(self, wanted: str) -> str:
        """A name that nothing else has."""
        name = identifier(wanted)
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}{number}" if not name[-1].isdigit() else f"{name}_{number}"
        self.taken.add(found)
        return found

    def named(self, x: Variable, wanted: str) -> str:
        self.text[x] = Expression(self.fresh(wanted))
        return self.text[x].text

    def constant(self, x: Variable) -> Expression:
        """A constant as an expression, or under a name of its own."""
        assert x.value is not None
        if x not in self.text:
            found = constant_text(x.value)
            if found is None:
                if x.value.size > _LISTED:
                    raise Unwritable(
                        f"{self.title}: it uses an array {x.shape} that it does not compute; pass "
                        "it as an argument"
                    )
                name = self.fresh("C")
                self.constants.append(f"{name} = {listed_array(x.value)}")
                found = Expression(name)
            self.text[x] = found
        return self.text[x]
