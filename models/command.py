"""What the models' command lines share: options, files, and errors of one line."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from minigrad.compile import TraceError
from minigrad.extras import require
from minigrad.files import check_writable, read_text
from minigrad.nn import Module
from minigrad.optim import Optimizer
from minigrad.options import CountRange
from minigrad.terminal import show_any_sign
from models.checkpoint import Checkpoint, Stateful, load_part, read_checkpoint
from models.training import Diverged, History, compiled_steps, steps_are_compiled


class Command(click.Command):
    """A command whose errors are one line: wrong options, a loss that diverged, Ctrl-C."""

    def main(self, *given: Any, **named: Any) -> Any:
        show_any_sign()
        return super().main(*given, **named)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = None  # click would print the usage before it
            raise

    def invoke(self, ctx: click.Context) -> Any:
        sources = [p for p in self.params if isinstance(p.type, TextFile)]
        if ctx.params.get("encoding") is not None and not any(ctx.params[p.name] for p in sources):
            told = " or ".join(p.opts[0] for p in sources)
            raise BadInput(f"--encoding: names the encoding of a file, and {told} is missing")
        try:
            return super().invoke(ctx)
        except Diverged as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly where nobody reads any more
            raise BadInput(f"{error.filename or 'output'}: {error.strerror or error}") from error
        except MemoryError as error:
            raise BadInput(f"out of memory: {error}; choose smaller sizes") from error
        except TraceError as error:
            raise BadInput(f"--compile: {error}") from error
        except SystemError as error:  # Ctrl-C within a Numba kernel arrives as this
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise click.Abort from error
            raise


class BadInput(click.ClickException):
    """What was given cannot be used: one line, exit status 2."""

    exit_code = 2


class TextFile(click.Path):
    """A file of text that is read; a command that takes one also takes ``--encoding``."""


@contextmanager
def one_line() -> Iterator[None]:
    """Around what reads input or writes results: its errors become `BadInput`."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from error
    except (ImportError, ValueError) as error:
        raise BadInput(str(error)) from error


@contextmanager
def too_little(path: Path | None, encoding: str | None = None) -> Iterator[None]:
    """Around what may find too little in a file: its errors name the file and its last line."""
    try:
        yield
    except ValueError as error:
        if path is None:
            raise
        if path.suffix.lower() == ".xlsx":
            raise ValueError(f"{path}: {error}") from error
        lines = len(read_text(path, encoding).removesuffix("\n").split("\n"))
        raise ValueError(f"{path}, line {lines}, the last: {error}") from error


@dataclass(frozen=True)
class Files:
    """What a run reads and writes.

    Attributes:
        name: the model's.
        save: the checkpoint to write.
        resume: whether to go on from it.
        load: the checkpoint to use, instead of training.
        curves: files for the losses.
    """

    name: str
    save: Path | None
    resume: bool
    load: Path | None
    curves: tuple[Path, ...]

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the checkpoint to load, else those that were given."""
        if self.load is None:
            return dict(given)
        with one_line():
            settings, _ = read_checkpoint(self.load, self.name)
            if missing := given.keys() - settings.keys():
                raise ValueError(f"{self.load}: lacks {', '.join(sorted(missing))}")
        return settings

    def restore(self, model: Module) -> None:
        """Give the model the weights of the checkpoint to load; it is not trained further."""
        assert self.load is not None
        with one_line():
            _, state = read_checkpoint(self.load, self.name)
            load_part(self.load, state, "model", model)
        model.eval()

    def checkpoint(
        self, settings: Mapping[str, Any], model: Module, optimizer: Optimizer, **more: Stateful
    ) -> Checkpoint | None:
        """Where the run is saved, if anywhere."""
        if self.save is None:
            return None
        if steps_are_compiled():  # a run goes on bit for bit, and the two differ by rounding
            settings = {**settings, "compile": True}
        made = Checkpoint(self.save, self.name, settings, model, optimizer,
                          resume=self.resume, **more)  # fmt: skip
        with one_line():
            made.resume()  # a file that does not fit is refused before any training
        return made

    def write_curves(self, history: History) -> None:
        """Write the curves, and say which files there are now."""
        for path in self.curves:
            history.write(path)
        for what, paths in (("curves", self.curves), ("saved", (self.save,))):
            for path in filter(None, paths):
                click.echo(f"{what}: {path}")


def path_option(*names: str, help: str, kind: type[click.Path] = click.Path) -> Any:
    """An option that takes a file."""
    return click.option(*names, type=kind(path_type=Path), metavar="FILE",
                        show_default=False, help=help)  # fmt: skip


def text_option(*names: str, help: str) -> Any:
    """An option that takes a file of text; the function is handed its ``encoding``, too."""
    return path_option(*names, help=help, kind=TextFile)


compile_option = click.option(
    "--compile", is_flag=True, show_default=False,
    help="Train with compiled steps: the same but for rounding, and faster once they are ready.",
)  # fmt: skip


def model_command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function the command line of the model ``name``.

    It gets the options ``--seed``, ``--compile``, ``--save``, ``--resume``, ``--load`` and
    ``--curves``; the function is handed ``seed``, and those about files together as ``files``. If
    it reads text (see `text_option`), it also gets ``--encoding``.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(
            compile: bool, save: Path | None, resume: bool, load: Path | None,
            curves: tuple[Path, ...], **options: Any,
        ) -> None:  # fmt: skip
            with one_line():
                if load is not None and (save is not None or curves):
                    raise ValueError("--load: nothing is trained, so there is nothing for "
                                     "--save and --curves")  # fmt: skip
                if resume and save is None:
                    raise ValueError(
                        "--resume: continues from the file of --save, which is missing"
                    )
                if save is not None:
                    if save.suffix != ".safetensors":
                        raise ValueError(f"{save}: expected a name that ends in .safetensors")
                    require("safetensors", extra="models")
                    check_writable(save)
                for path in curves:
                    check_picture(path, "csv")
            with compiled_steps(compile):
                function(files=Files(name, save, resume, load, curves), **options)

        command = click.command(cls=Command, context_settings={"show_default": True})(run)
        if any(isinstance(param.type, TextFile) for param in command.params):
            command.params.append(_encoding_option())
        command.params += _shared_options()
        return command

    return decorate


def _encoding_option() -> click.Option:
    return click.Option(
        ["--encoding"], metavar="NAME", show_default=False,
        help="Encoding of that file: latin-1, shift_jis, … By default UTF-8, or what its "
        "byte-order mark says, else Windows-1252, with a warning.",
    )  # fmt: skip


def _shared_options() -> list[click.Parameter]:
    @click.option("--seed", type=CountRange(0), default=0, metavar="N",
                  help="Seed of all random choices: the same seed gives the same "
                  "result.")  # fmt: skip
    @compile_option
    @path_option("--save", help="Save the run to this file (.safetensors) during training.")
    @click.option("--resume", is_flag=True, show_default=False,
                  help="Continue from the file of --save, if it exists: the result is the same, "
                  "bit "
                  "for bit, as if the run had not been interrupted.")  # fmt: skip
    @path_option("--load", help="Use the model that --save wrote to this file instead of training; "
                                "the file has its settings.")  # fmt: skip
    @click.option("--curves", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
                  show_default=False,
                  help="Write the losses to this file (.csv, .png, .svg, .pdf); can be "
                  "repeated.")  # fmt: skip
    @click.command()
    def options() -> None: ...

    return options.params[::-1]  # click has put the last first


def check_picture(path: Path, *others: str) -> None:
    """Refuse, before any training, a picture that could not be written.

    Raises:
        ImportError, OSError, ValueError: no matplotlib; no such folder; unknown ending.
    """
    ending = path.suffix[1:].lower()
    if ending not in others:
        figure = require("matplotlib.figure", extra="models").Figure()
        known = figure.canvas.get_supported_filetypes()
        if ending not in known:
            raise ValueError(f"{path}: unknown ending, expected one of {', '.join(known)}")
    check_writable(path)
