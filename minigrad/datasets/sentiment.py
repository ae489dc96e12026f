"""Sentences that say whether somebody liked something, in English and Spanish."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.datasets.table import read_rows, rows

_COLUMNS = ("language", "label", "text")


@dataclass(frozen=True)
class Reviews:
    """Sentences with what they say.

    Attributes:
        text: the sentences.
        label: (sentences,), 1 for praise and 0 for complaint.
        language: of each, "en" or "es".
        subject: of each, what it is about: a praise and a complaint in both languages share one.
            Hold out whole subjects, or the complaint's words give the praise away.

    Example:
        >>> from minigrad.datasets import reviews
        >>> english = [k for k, language in enumerate(reviews().language) if language == "en"]
        >>> len(reviews()[english])
        120
    """

    text: tuple[str, ...]
    label: np.ndarray
    language: tuple[str, ...]
    subject: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.text)

    def __add__(self, other: Reviews) -> Reviews:
        """Both, one behind the other."""
        return Reviews(
            self.text + other.text, np.concatenate([self.label, other.label]),
            self.language + other.language, self.subject + other.subject,
        )  # fmt: skip

    def __getitem__(self, which: Any) -> Reviews:
        rows = np.arange(len(self))[which]
        return Reviews(
            tuple(self.text[k] for k in rows), self.label[rows],
            tuple(self.language[k] for k in rows), tuple(self.subject[k] for k in rows),
        )  # fmt: skip


def reviews(path: str | os.PathLike[str] | None = None, *, encoding: str | None = None) -> Reviews:
    """The 240 sentences that were written for minigrad, or those of the CSV file ``path``.

    The bundled ones have minigrad's own licence (MIT). Each praise has a complaint of the same
    subject, and each sentence a counterpart in the other language, so that neither subject nor
    language tells anything about the label.

    Args:
        path: a CSV or Excel file with the columns language (en or es), label (0 or 1) and text;
            and subject, where sentences belong together.
        encoding: of a CSV file, see `read_days`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, no text, lacks a column, or a cell holds something else than
            these: one line that names file and line.

    Example:
        >>> from minigrad.datasets import reviews
        >>> found = reviews()
        >>> len(found), found.language[0], int(found.label[0])
        (240, 'en', 1)
    """
    if path is None:
        name = "reviews.csv"
        text = resources.files("minigrad.datasets").joinpath(name).read_text("utf-8")
        lines = rows(name, text, _COLUMNS)
    else:
        lines = read_rows(Path(path), _COLUMNS, encoding=encoding)
    found: list[tuple[str, int, str, str]] = []
    for where, row in lines:
        for column, expected in (("language", ("en", "es")), ("label", ("0", "1"))):
            if row[column] not in expected:
                raise ValueError(
                    f"{where}: {column} {row[column]!r}, expected {' or '.join(expected)}"
                )
        if not row["text"].strip():
            raise ValueError(f"{where}: no text")
        subject = row.get("subject") or where
        found.append((row["language"], int(row["label"]), row["text"], subject))
    languages, labels, texts, subjects = zip(*found, strict=True)
    return Reviews(texts, np.array(labels), languages, subjects)
