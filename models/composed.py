"""Praise and complaint composed of parts, in English and Spanish: as many sentences as needed.

Nearly every pattern turns on the order of its words: "I expected X to be dull but it was lovely"
praises, and with the adjectives exchanged it complains. Counting words cannot tell the two apart.
"""

from __future__ import annotations

import numpy as np

from minigrad.datasets import Reviews

_SUBJECTS = {
    "en": "the soup|the film|our room|this phone|the course|the train|the hotel|"
          "the book|the service|this camera|the concert|the museum|the coffee|"
          "the beach|the guide|the app|the bed|the pizza|the garden|the driver",
    "es": "la sopa,f|la película,f|el cuarto,m|el teléfono,m|el curso,m|el tren,m|"
          "el hotel,m|el libro,m|el servicio,m|la cámara,f|el concierto,m|el museo,m|"
          "el café,m|la playa,f|el guía,m|la aplicación,f|la cama,f|la pizza,f|"
          "el jardín,m|la clase,f",
}  # fmt: skip
_PRAISE = {
    "en": "good|great|excellent|wonderful|lovely|delightful|superb|fantastic|"
          "brilliant|pleasant|perfect|charming|fine|amazing|impressive|enjoyable|"
          "nice|beautiful|remarkable|splendid",
    "es": "bueno|estupendo|excelente|maravilloso|precioso|encantador|magnífico|"
          "fantástico|brillante|agradable|perfecto|genial|bonito|asombroso|"
          "impresionante|divertido|fino|hermoso|notable|espléndido",
}  # fmt: skip
_COMPLAINT = {
    "en": "bad|awful|terrible|horrible|poor|dreadful|dull|disappointing|annoying|"
          "unpleasant|boring|miserable|weak|ugly|useless|mediocre|nasty|sad|shabby|"
          "hopeless",
    "es": "malo|espantoso|terrible|horrible|pobre|pésimo|soso|decepcionante|molesto|"
          "desagradable|aburrido|miserable|flojo|feo|inútil|mediocre|asqueroso|"
          "triste|deplorable|lamentable",
}  # fmt: skip
MOST = 100_000
"""As many as one may ask for: each language has 116 000, and the last are long to find."""

# {s} subject, {a} an adjective of the label that is meant, {b} of the opposite, {c} another {a}
_PATTERNS = {
    "en": (
        "{s} was {a}", "{s} was really {a} and {c}", "{s} was not {b}", "{s} was anything but {b}",
        "I expected {s} to be {b} but it was {a}", "I expected {s} to be {b} and yet it was {a}",
        "{s} was {a} although I had expected it to be {b}", "nobody could call {s} {b}",
        "everybody calls {s} {b} but I found it {a}", "I would not say that {s} was {b}",
        "{s} looked {b} at first and turned out to be {a}", "{s} was {a} and not {b}",
    ),
    "es": (
        "{s} era {a}", "{s} era realmente {a} y {c}", "{s} no era {b}",
        "{s} era cualquier cosa menos {b}", "esperaba que {s} fuera {b} pero era {a}",
        "yo pensaba que {s} sería {b} y sin embargo era {a}",
        "{s} era {a} aunque yo esperaba que fuera {b}", "nadie diría que {s} era {b}",
        "todos dicen que {s} es {b} pero a mí me pareció {a}",
        "no se puede decir que {s} fuera {b}",
        "{s} parecía {b} al principio y resultó {a}", "{s} era {a} y no {b}",
    ),
}  # fmt: skip


def composed(count: int, seed: int, languages: tuple[str, ...] = ("en", "es")) -> Reviews:
    """Different sentences, half of them praise, as far as numbers allow.

    Args:
        count: how many; at most `MOST`.
        seed: of the choice.
        languages: of the sentences, in turn.
    """
    rng = np.random.default_rng([seed, 11])
    found: dict[str, tuple[int, str]] = {}
    while len(found) < count:
        language = languages[len(found) % len(languages)]
        label = len(found) // len(languages) % 2
        text = _sentence(language, label, rng)
        found.setdefault(text, (label, language))
    texts = tuple(found)
    labels, spoken = zip(*found.values(), strict=True)
    return Reviews(texts, np.array(labels), spoken, texts)


def _sentence(language: str, label: int, rng: np.random.Generator) -> str:
    def pick(words: str) -> str:
        return str(rng.choice(words.split("|")))

    subject, _, gender = pick(_SUBJECTS[language]).partition(",")
    meant, other = (_PRAISE, _COMPLAINT) if label else (_COMPLAINT, _PRAISE)
    words = {key: _agreeing(pick(source[language]), gender)
             for key, source in (("a", meant), ("b", other), ("c", meant))}  # fmt: skip
    pattern = str(rng.choice(_PATTERNS[language]))
    return pattern.format(s=subject, **words) + "."


def _agreeing(adjective: str, gender: str) -> str:
    """A Spanish adjective in the gender of its noun."""
    if gender != "f":
        return adjective
    if adjective.endswith("o"):
        return adjective[:-1] + "a"
    return adjective + "a" if adjective.endswith("dor") else adjective
