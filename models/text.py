"""Text to numbers: normalise, split into tokens, number them, count them, pad them."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from minigrad.datasets import quijote
from minigrad.extras import require

Language = Literal["es", "en"]

PAD, UNKNOWN, START, END = "<pad>", "<unknown>", "<start>", "<end>"
SPECIAL = (PAD, UNKNOWN, START, END)
"""The tokens that every vocabulary has, with the indices 0 to 3."""

# Marks belong to the letter before: accents typed apart, vowels of Hindi. For re they are no \w
_MARKS = "".join(c for c in map(chr, range(0x300, 0x1F000))
                 if unicodedata.category(c)[0] == "M")  # fmt: skip
_LETTERS = rf"(?:[^\W_]++[{_MARKS}]*+)++"
_WORD = re.compile(rf"{_LETTERS}(?:['’·-]{_LETTERS})*|[^\w\s][{_MARKS}]*|_+")


def documentation(language: str = "en") -> str:
    """A real text of some 60 000 words that needs no network.

    Args:
        language: ``"en"``: the topics of Python's own documentation, which every Python brings
            along; ``"es"``: the first chapters of Don Quijote.
    """
    if language == "es":
        return quijote()
    from pydoc_data.topics import topics

    return "\n\n".join(text.strip() for _, text in sorted(topics.items()))


def normalise(
    text: str, *, lower: bool = True, accents: bool = True, ascii_only: bool = False
) -> str:
    """The same text with fewer different characters.

    Args:
        text: in any language; composed first, so that é is one character however it was typed.
        lower: in small letters.
        accents: keep them; else á becomes a and ü u, but ñ stays, which is a letter of its own.
        ascii_only: leave out every character that is not ASCII.
    """
    text = unicodedata.normalize("NFC", text)
    if lower:
        text = text.lower()
    if not accents:
        parts = (c if c in "ñÑ" else unicodedata.normalize("NFD", c) for c in text)
        text = "".join(c for part in parts for c in part if not unicodedata.combining(c))
    if ascii_only:
        text = text.encode("ascii", "ignore").decode()
    return text


def words(text: str) -> list[str]:
    """The words, with inner apostrophes and hyphens, and each punctuation mark; [] if empty."""
    return _WORD.findall(text)


def characters(text: str) -> list[str]:
    """The characters, white space included."""
    return list(text)


@functools.cache
def stop_words(language: Language) -> frozenset[str]:
    """The words that say little, of Spanish or English."""
    return frozenset(require("stopwordsiso", extra="models").stopwords(language))


def without_stop_words(tokens: Iterable[str], language: Language) -> list[str]:
    """The tokens that are not stop words, in whatever case."""
    stops = stop_words(language)
    return [token for token in tokens if token.lower() not in stops]


def stems(tokens: Sequence[str], language: Language) -> list[str]:
    """The tokens without their endings (Snowball; Porter 2001)."""
    return [_stem(token, language) for token in tokens]


@functools.cache  # a text has many words, and few different ones
def _stem(token: str, language: Language) -> str:
    return _stemmer(language).stemWord(token)


@functools.cache
def _stemmer(language: Language) -> Any:
    name = {"es": "spanish", "en": "english"}[language]
    return require("snowballstemmer", extra="models").stemmer(name)


@dataclass(frozen=True)
class Vocabulary:
    """Tokens with indices: `SPECIAL` first, then the others.

    Attributes:
        tokens: by index.
    """

    tokens: tuple[str, ...]

    @classmethod
    def of(cls, tokens: Iterable[str], *, least: int = 1, most: int | None = None) -> Vocabulary:
        """Of the tokens that occur ``least`` times, the ``most`` frequent; equals in order."""
        counts = Counter(tokens)
        for special in SPECIAL:
            counts.pop(special, None)
        ranked = sorted(counts, key=lambda token: (-counts[token], token))
        kept = [token for token in ranked if counts[token] >= least][:most]
        return cls((*SPECIAL, *kept))

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The index of each token."""
        return {token: k for k, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.index

    def encode(self, tokens: Iterable[str], *, ends: bool = False) -> np.ndarray:
        """Indices (tokens,); with ``ends``, between those of start and end."""
        unknown = self.index[UNKNOWN]
        inner = [self.index.get(token, unknown) for token in tokens]
        if ends:
            inner = [self.index[START], *inner, self.index[END]]
        return np.array(inner, np.int64)

    def decode(self, indices: Iterable[int]) -> list[str]:
        """The tokens, up to the first end, without start and padding.

        Raises:
            ValueError: an index is negative or too large.
        """
        found = []
        for k in indices:
            if not 0 <= k < len(self):
                raise ValueError(f"got index {k}, expected 0 to {len(self) - 1}")
            token = self.tokens[k]
            if token == END:
                break
            if token not in (PAD, START):
                found.append(token)
        return found


def one_hot(indices: Any, size: int, dtype: Any = np.float32) -> np.ndarray:
    """1 at each index and 0 elsewhere, (…, size).

    Raises:
        ValueError: an index is negative or too large.
    """
    indices = np.asarray(indices)
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        raise ValueError(f"got indices from {indices.min()} to {indices.max()} for size {size}")
    return (indices[..., None] == np.arange(size)).astype(dtype)


def padded(
    sequences: Sequence[np.ndarray], value: int = 0, *, multiple: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of different lengths as one array.

    Args:
        sequences: each (its length,); an empty one gives a row of padding.
        value: what stands behind the shorter ones.
        multiple: the longest is rounded up to a multiple of this, so that batches have few shapes.

    Returns:
        (batch, longest), and the lengths (batch,).
    """
    lengths = np.array([len(s) for s in sequences], np.int64)
    longest = -(-max(lengths, default=0) // multiple) * multiple
    batch = np.full((len(sequences), longest), value, np.int64)
    for row, sequence in zip(batch, sequences, strict=True):
        row[: len(sequence)] = sequence
    return batch, lengths


def count_vectors(
    texts: Sequence[str], tokenise: Callable[[str], list[str]] = words, *, tf_idf: bool = False
) -> tuple[Any, Any]:
    """How often each token occurs in each text, or TF–IDF (scikit-learn's).

    Args:
        texts: may have empty ones among them.
        tokenise: text to tokens.
        tf_idf: weigh by how few texts have the token, rows of length 1.

    Returns:
        A sparse matrix (texts, tokens), and the vectoriser: ``.transform`` takes other texts.

    Raises:
        ValueError: no text has any token.
    """
    extraction = require("sklearn.feature_extraction.text", extra="models")
    kind = extraction.TfidfVectorizer if tf_idf else extraction.CountVectorizer
    vectoriser = kind(tokenizer=tokenise, token_pattern=None, lowercase=False)
    return vectoriser.fit_transform(texts), vectoriser
