"""Text files that are read, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty, binary or in another encoding; the message names file and line.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: byte {error.start} is no UTF-8 text; convert the file with, "
            "for instance, iconv -f latin1 -t utf-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ValueError(f"{path}, line {line}: binary data, expected text")
    if not text.strip():
        raise ValueError(f"{path}, line 1: an empty file, expected text")
    return text.replace("\r\n", "\n")


def check_writable(path: Path) -> None:
    """Refuse, before any work, a file that cannot be written.

    Raises:
        OSError: its folder is missing, or it or its folder is read-only.
    """
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
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
