"""Claims about text files: read as they are, or refused with the line."""

from __future__ import annotations

import os
import re
import stat

import pytest

from minigrad.files import check_writable, read_lines, read_text, write_text


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffuno\r\n\r\ndos ñ\n".encode())
    assert read_text(path) == "uno\n\ndos ñ\n"


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"", 1), (b" \n\n", 1), (b"one\ntwo\n\x81\x8d", 3), (b"a\nb\0c", 2)],
)
def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path, data, line):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"text.txt, line {line}: ") as caught:
        read_text(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_any_common_encoding_is_read_and_a_guess_is_named(tmp_path, encoding, caplog):
    path = tmp_path / "text.txt"
    path.write_bytes("uno\rdos ñ\n".encode(encoding))
    assert read_text(path) == "uno\ndos ñ\n"
    assert ("Windows-1252" in caplog.text) == (encoding == "cp1252")


def test_an_encoding_that_is_named_is_used(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("мир\n".encode("koi8-r"))
    assert read_text(path, "koi8-r") == "мир\n"
    with pytest.raises(ValueError, match="line 1: byte 0 is not utf-8"):
        read_text(path, "utf-8")
    for name in ("klingon", "base64", "undefined", "", "a\0b"):
        with pytest.raises(ValueError, match=f"unknown encoding {re.escape(repr(name))}"):
            read_text(path, name)


@pytest.mark.parametrize("written", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("named", ["utf-8", "utf-16", "utf-32", "latin-1"])
def test_a_byte_order_mark_rules_out_other_encodings(tmp_path, written, named):
    path = tmp_path / "text.txt"
    path.write_bytes("uno\ndos\n".encode(written))
    family = written.removesuffix("-sig")
    if named == family:
        assert read_text(path, named) == "uno\ndos\n"
    else:
        with pytest.raises(ValueError, match=f"mark of {family.upper()}, expected {named}"):
            read_text(path, named)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_lines_of_a_large_file_are_those_of_its_text(tmp_path, encoding, caplog):
    path = tmp_path / "text.txt"
    path.write_bytes("uno\r\n\r\ndos ñ\u00a0tres\x1a\n".encode(encoding))
    assert list(read_lines(path)) == ["uno", "", "dos ñ\u00a0tres\x1a"]
    assert ("Windows-1252" in caplog.text) == (encoding == "cp1252")


@pytest.mark.parametrize(("data", "line"), [(b"", 1), (b"one\ntwo\n\x81\x8d", 3), (b"a\nb\0c", 2)])
def test_lines_of_no_text_are_refused_with_their_number(tmp_path, data, line):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"text.txt, line {line}: "):
        list(read_lines(path))


def test_a_link_stays_a_link_and_what_is_no_file_is_written_into(tmp_path):
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "uno")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "uno"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "dos")
    assert os.read(reader, 9) == b"dos"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe", "real"]


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(IsADirectoryError, match="expected a file"):
        check_writable(tmp_path)
