"""What the command lines share: how they end, and the encodings of what they read."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import models
from minigrad.options import CountRange, FiniteRange
from models.command import Command, TextFile


def interrupted(within):
    """A command during which somebody presses Ctrl-C."""

    @click.command(cls=Command)
    def command():
        if within == "Python":
            raise KeyboardInterrupt
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    return command


def test_output_that_cannot_be_written_ends_in_one_line():
    @click.command(cls=Command)
    def command():
        raise OSError(28, "No space left on device")

    result = CliRunner().invoke(command)
    assert result.exit_code == 2
    assert result.stderr == "Error: output: No space left on device\n"


def test_too_much_memory_ends_in_one_line():
    @click.command(cls=Command)
    def command():
        np.zeros((10**9, 10**6))

    result = CliRunner().invoke(command)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: out of memory: Unable to allocate")


def test_no_number_is_too_large_for_the_shape_of_an_array():
    for name in MODELS:
        for param in command_of(name).params:
            if isinstance(param.type, click.IntRange):
                assert isinstance(param.type, CountRange), (name, param.name)
            if isinstance(param.type, click.FloatRange):
                assert isinstance(param.type, FiniteRange), (name, param.name)


@pytest.mark.parametrize("within", ["Python", "a kernel"])
def test_ctrl_c_ends_in_one_line(within):
    result = CliRunner().invoke(interrupted(within))
    assert result.exit_code == 1
    assert result.stderr.strip() == "Aborted!"


def test_other_errors_of_the_interpreter_are_not_hidden():
    @click.command(cls=Command)
    def command():
        raise SystemError("something else")

    assert isinstance(CliRunner().invoke(command).exception, SystemError)


MODELS = sorted(
    path.stem for path in Path(models.__file__).parent.glob("*.py")
    if "@model_command(" in path.read_text(encoding="utf-8")
)  # fmt: skip

READERS = {
    "bert": ["--text", "--data"], "forecaster": ["--csv"], "gpt": ["--text"],
    "language_model": ["--text"], "perceptron": ["--predict"], "sentiment": ["--data"],
    "word2vec": ["--text", "--glove"],
}  # fmt: skip
"""The options of each model that take a file of text."""

each_reader = pytest.mark.parametrize(
    ("model", "option"), [(model, option) for model in READERS for option in READERS[model]]
)


def command_of(model):
    return import_module(f"models.{model}").main


def test_every_option_that_takes_a_file_of_text_is_named_here():
    for path in Path(models.__file__).parent.glob("*.py"):
        if "text_option(" in path.read_text(encoding="utf-8") and path.stem != "command":
            taken = [p for p in command_of(path.stem).params if isinstance(p.type, TextFile)]
            assert READERS[path.stem] == [param.opts[0] for param in taken]


@each_reader
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{tmp}/none"], "{tmp}/none: No such file or directory"),
        (["{tmp}"], "{tmp}: Is a directory"),
        (["{tmp}/empty"], "{tmp}/empty, line 1: an empty file, expected text"),
        (["{tmp}/latin"], "{tmp}/latin, line 2: byte 5 is not UTF-8 or Windows-1252 text"),
        (["{tmp}/binary"], "{tmp}/binary, line 3: binary data, expected text"),
        (["{tmp}/latin", "--encoding", "klingon"], "{tmp}/latin: unknown encoding 'klingon'"),
        (["{tmp}/latin", "--encoding", "base64"], "{tmp}/latin: unknown encoding 'base64'"),
        (["{tmp}/latin", "--encoding", "ascii"], "{tmp}/latin, line 2: byte 5 is not ascii"),
    ],
)
def test_a_file_of_no_text_or_of_another_encoding_is_refused(model, option, args, message, refuses):
    refuses(command_of(model), [option, *args], message)


@each_reader
def test_an_encoding_goes_with_a_file(model, option, refuses):
    refuses(command_of(model), ["--encoding", "latin-1"], f"{option}")


def test_a_text_is_the_same_in_every_encoding_that_is_named(tmp_path):
    text = "こんにちは、世界。\n" * 30
    said = set()
    for encoding in ("utf-8", "shift_jis", "utf-16-le"):
        path = tmp_path / encoding
        path.write_bytes(text.encode(encoding))
        options = ["--context", "4", "--width", "4", "--layers", "1", "--steps", "1"]
        result = CliRunner().invoke(
            command_of("gpt"),
            ["--text", str(path), "--encoding", encoding, *options, "--prompt", "世"],
        )
        assert result.exit_code == 0, result.output
        said.add(result.stdout)
    assert len(said) == 1
    assert "界" in said.pop()
