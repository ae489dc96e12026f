"""Claims about text files: read as they are, or refused with the line."""

from __future__ import annotations

import pytest

from minigrad.files import read_text


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffuno\r\n\r\ndos ñ\n".encode())
    assert read_text(path) == "uno\n\ndos ñ\n"


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"", 1), (b" \n\n", 1), ("uno\ndos\naño".encode("latin1"), 3), (b"a\nb\0c", 2)],
)
def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path, data, line):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"text.txt, line {line}: ") as caught:
        read_text(path)
    assert "\n" not in str(caught.value)
