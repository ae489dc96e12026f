"""Output that any terminal, pipe or code page can show."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_ASCII = {
    "⁄": "/", "−": "-", "–": "-", "—": "-", "∘": "*", "·": "*", "×": "x", "∂": "d", "∇": "grad ",
    "Σ": "sum", "∑": "sum", "√": "sqrt", "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~",
    "→": "->", "←": "<-", "⇒": "=>", "✓": "ok", "✗": "X", "○": "o",
    "●": "*", "∈": " in ", "ᵀ": "^T",
    "⁻": "^-", "‖": "||", "…": "...", "“": '"', "”": '"', "‘": "'", "’": "'", "«": '"', "»": '"',
}  # fmt: skip


def spell(sign: str) -> str:
    """A sign in ASCII: -> for →, delta for δ, 2 for ₂ or ², e for é; (U+1F600) if there is none.

    Example:
        >>> from minigrad.terminal import spell
        >>> " ".join(map(spell, "δ∘σ₂é"))
        'delta * sigma 2 e'
    """
    if sign in _ASCII:
        return _ASCII[sign]
    plain = unicodedata.normalize("NFKD", sign)
    if base := "".join(c for c in plain if not unicodedata.combining(c)):
        if base.isascii():
            return base
        if base != sign:
            return "".join(map(spell, base))
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK ") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split()[-1].lower()
        return letter.capitalize() if "CAPITAL" in name else letter
    if name.startswith("BOX DRAWINGS"):
        return "-" if "HORIZONTAL" in name and "VERTICAL" not in name else "|"
    return "" if unicodedata.combining(sign) else f"(U+{ord(sign):04X})"


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(spell, error.object[error.start : error.end])), error.end


codecs.register_error("minigrad.spelled", _spelled)


def show_any_sign() -> None:
    """From here on, what this process's output cannot encode is spelled in ASCII, not refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="minigrad.spelled")
