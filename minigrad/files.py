"""Text files that are read, and files that are written whole or not at all."""

from __future__ import annotations

import codecs
import errno
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

_log = logging.getLogger("minigrad.files")
_GUESSED = "%s: not UTF-8; read as Windows-1252, which is a guess"
_BINARY = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),  # before UTF-16's, its start
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def read_text(path: Path, encoding: str | None = None) -> str:
    """A text file: UTF-8, with or without a byte-order mark, or UTF-16 or UTF-32 with one.

    A file in none of these is read as Windows-1252, which holds Latin-1, and a line in the log
    ``minigrad.files`` (on the terminal, unless you configure logging) says so.

    Args:
        path: the file.
        encoding: its name, if you know it: latin-1, shift_jis, …

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty, binary or not in that encoding, or there is no such encoding;
            the message names the file, and the line if there is one.
    """
    data = path.read_bytes()
    for name in _candidates(path, data, encoding):
        try:
            text = data.decode(name)
            break
        except UnicodeDecodeError as error:
            refused = error
    else:
        line = data[: refused.start].count(b"\n") + 1
        expected = (
            encoding or "UTF-8 or Windows-1252 text; name its encoding, or convert it with iconv"
        )
        raise ValueError(f"{path}, line {line}: byte {refused.start} is not {expected}")
    text = text.removeprefix("\ufeff")
    if binary := _BINARY.search(text):
        line = text[: binary.start()].count("\n") + 1
        raise ValueError(f"{path}, line {line}: binary data, expected text")
    if not text.strip():
        raise ValueError(f"{path}, line 1: an empty file, expected text")
    if name == "cp1252" and encoding is None:
        _log.warning(_GUESSED, path)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path, encoding: str | None = None) -> Iterator[str]:
    """The lines of a text file too large for `read_text`, without their ends; errors as there."""
    with path.open("rb") as file:
        start = file.read(4)
    for name in _candidates(path, start, encoding):
        try:
            with path.open(encoding=name, newline="\n") as file:
                for number, line in enumerate(file, 1):
                    if "\0" in line:  # other control characters occur in words from the web
                        raise ValueError(f"{path}, line {number}: binary data, expected text")
            break
        except UnicodeDecodeError:
            continue
    else:
        read_text(path, encoding)  # which says where it cannot be decoded
    if name == "cp1252" and encoding is None:
        _log.warning(_GUESSED, path)
    if not start:
        raise ValueError(f"{path}, line 1: an empty file, expected text")
    with path.open(encoding=name, newline="\n") as file:
        for number, line in enumerate(file, 1):
            yield line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")


def _candidates(path: Path, data: bytes, encoding: str | None) -> list[str]:
    """The encodings to try for a file that begins with these bytes."""
    marked = [name for mark, name in _MARKS if data.startswith(mark)]
    if encoding is not None:
        _check_encoding(path, encoding, marked)
    return [*marked[:1], "utf-8", "cp1252"] if encoding is None else [encoding]


def _check_encoding(path: Path, encoding: str, marked: list[str]) -> None:
    """Refuse what is not an encoding of text, and one that the file's byte-order mark rules out."""
    try:
        "x".encode(encoding)  # base64 and the like are found, but are not for text
        known = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise ValueError(
            f"{path}: unknown encoding {encoding!r}, expected such as utf-8, latin-1 or shift_jis"
        ) from None
    family = marked[0].removesuffix("-sig") if marked else known
    if not known.startswith(family):
        raise ValueError(
            f"{path}, line 1: starts with the byte-order mark of {family.upper()}, "
            f"expected {encoding}; leave the encoding out"
        )


def check_writable(path: Path) -> None:
    """Refuse, before any work, a file that cannot be written.

    Raises:
        OSError: its folder is missing, it is a folder itself, or it or its folder is read-only.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder, expected a file", str(path))
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise PermissionError(errno.EACCES, "not writable", str(path))


def write_text(path: str | Path, text: str) -> None:
    """Write text in UTF-8, as `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file through a temporary one beside it, so that it is never half-written.

    Raises:
        OSError: the folder is missing or read-only.
    """
    path = Path(path)
    check_writable(path)
    if path.exists() and not path.is_file():  # a pipe, a terminal or /dev/null is written into
        path.write_bytes(data)
        return
    whole = path.resolve()  # a link stays a link
    temporary = whole.with_name(f".{whole.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(whole)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
