"""Numbers and dates in words, Spanish and English: as many pairs as wanted, all checkable."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from minigrad.extras import require

MONTHS = MappingProxyType({
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
           "septiembre", "octubre", "noviembre", "diciembre"),
    "en": ("january", "february", "march", "april", "may", "june", "july", "august",
           "september", "october", "november", "december"),
})  # fmt: skip
_SHORTENED = MappingProxyType({"uno": "un", "veintiuno": "veintiún"})


@dataclass(frozen=True)
class Pair:
    """The same in both languages."""

    es: str
    en: str


def number(n: int) -> Pair:
    """A number in words, as num2words has it; without commas, and with Spanish "un" where due.

    Before "mil" and "millones" uno loses its o (Real Academia Española, Ortografía 2010, VIII
    2.1.2), which num2words leaves as it is.
    """
    say = require("num2words", extra="models").num2words
    spanish = re.sub(r"\b(veinti)?uno(?= mil)", lambda m: _SHORTENED[m.group()], say(n, lang="es"))
    return Pair(spanish, say(n, lang="en").replace(",", ""))


def date(day: datetime.date) -> Pair:
    """A date in words: "el dos de mayo de mil ochocientos ocho", "the second of may eighteen …"."""
    say = require("num2words", extra="models").num2words
    month = {language: names[day.month - 1] for language, names in MONTHS.items()}
    return Pair(
        f"el {number(day.day).es} de {month['es']} de {number(day.year).es}",
        f"the {say(day.day, lang='en', to='ordinal')} of {month['en']} "
        f"{say(day.year, lang='en', to='year')}",
    )


def numbers(count: int, rng: np.random.Generator) -> list[Pair]:
    """Different ones below a million, drawn so that short and long ones are about as frequent.

    Raises:
        ValueError: more are asked for than half of those that there are.
    """
    _check("numbers", count, 500_000)
    found: dict[int, None] = {}
    while len(found) < count:
        found[int(rng.integers(0, 10 ** int(rng.integers(3, 7))))] = None
    return [number(n) for n in found]


def dates(count: int, rng: np.random.Generator) -> list[Pair]:
    """Different ones of the years 1500 to 2099.

    Raises:
        ValueError: more are asked for than half of those that there are.
    """
    _check("dates", count, 100_000)
    first = datetime.date(1500, 1, 1).toordinal()
    last = datetime.date(2099, 12, 31).toordinal()
    drawn = rng.choice(np.arange(first, last + 1), count, replace=False)
    return [date(datetime.date.fromordinal(int(k))) for k in drawn]


def _check(what: str, count: int, most: int) -> None:
    if not 0 <= count <= most:
        raise ValueError(f"got {count} {what}, expected 0 to {most}")
