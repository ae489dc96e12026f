"""Numbers with a twin: floats beside what they are in a finite field, as formulas, as digits.

`Numbers` is NumPy's own array of such objects, so that code written for NumPy runs on them as it
stands, in place and by index too.
"""

from minigrad.arrays.numbers.array import Numbers
from minigrad.arrays.numbers.digits import DIGITS, Digits
from minigrad.arrays.numbers.formula import Formula
from minigrad.arrays.numbers.number import Number, OutsideDomainError, apply
from minigrad.arrays.numbers.residue import PRIME, NoRootError, Residue
from minigrad.arrays.numbers.traced import Traced

__all__ = [
    "DIGITS",
    "PRIME",
    "Digits",
    "Formula",
    "NoRootError",
    "Number",
    "Numbers",
    "OutsideDomainError",
    "Residue",
    "Traced",
    "apply",
]
