"""How names in code are written: alpha is α, h_tilde is h̃."""

from __future__ import annotations

import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ",
    "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
_WORDS = {letter: f"\\{word}" for word, letter in GREEK.items()}

FUNCTIONS = ("tanh", "exp", "log", "sin", "cos", "max", "min")  # that LaTeX has commands for
_SIGNS = {
    "∂": "\\partial ", "ᵀ": "^{\\top}", "−": "-", "∘": "\\circ ", "≠": "\\neq ", "ℓ": "\\ell ",
    "′": "'", "²": "^{2}", "·": "\\cdot ", "Σ": "\\sum ", "δ": "\\delta ", "σ": "\\sigma ",
}  # fmt: skip


def pretty(name: str) -> str:
    """The name in Unicode."""
    base, tilde, rest = _split(name)
    text = GREEK.get(base, base) + ("\N{COMBINING TILDE}" if tilde else "")
    return f"{text}_{rest}" if rest else text


def latex(name: str) -> str:
    """The name in LaTeX, with nothing in it that LaTeX would take for a command."""
    base, tilde, rest = _split(name)
    text = f"\\{base}" if base in GREEK else _letters(base)
    text = f"\\tilde{{{text}}}" if tilde else text
    return f"{text}_{{{_letters(rest)}}}" if rest else text


def latex_of(formula: str) -> str:
    """A short formula written in Unicode, such as δA = δC Bᵀ, in LaTeX."""
    words = re.split(r"((?<![a-zA-Z])(?:[a-z]{3,}|sg)(?![a-zA-Z]))", formula)  # ² is a letter to \b
    words[::2] = ["".join(_SIGNS.get(c) or _WORDS.get(c, c) for c in rest) for rest in words[::2]]
    words[1::2] = [
        f"\\{word}" if word in FUNCTIONS else f"\\operatorname{{{word}}}" for word in words[1::2]
    ]
    return "".join(words)


def _split(name: str) -> tuple[str, bool, str]:
    match = re.fullmatch(r"([^_]+?)(_tilde)?(?:_(.+))?", name)
    return (match[1], bool(match[2]), match[3] or "") if match else (name, False, "")


def _letters(text: str) -> str:
    parts = re.split(f"([{''.join(GREEK.values())}])", text)
    return " ".join(_WORDS.get(part) or _roman(part) for part in parts if part)


def _roman(text: str) -> str:
    safe = re.sub(r"([#$%&_{}])", r"\\\1", text).replace("\\\\", "\\backslash ")
    if not text.isascii():
        return f"\\text{{{safe}}}"  # accents are for text only
    return safe if len(text) == 1 else f"\\mathrm{{{safe}}}"
