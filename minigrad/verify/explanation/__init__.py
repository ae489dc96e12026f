"""Why a gradient is wrong: the rule, the line, or the term, in the code's own names."""

from __future__ import annotations

from minigrad.verify.explanation.backward import sentences
from minigrad.verify.explanation.rules import culprits

__all__ = ["culprits", "sentences"]
