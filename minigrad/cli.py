"""The command line: minigrad verify | derive | graph | compile."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from minigrad import __version__
from minigrad.files import check_writable, write_text
from minigrad.graph import VIEWS, draw, source
from minigrad.graph.view import DIRECTIONS, HIDDEN, LANGUAGES, PAGES
from minigrad.options import CountRange, FiniteRange
from minigrad.targets import Target, TargetError, builtin, resolve
from minigrad.targets.inputs import NO_ROLES, Roles
from minigrad.terminal import show_any_sign

if TYPE_CHECKING:  # SymPy and Graphviz load when a command needs them
    from minigrad.symbolic.derive.naming import Notation
    from minigrad.symbolic.write.sentences import Language
    from minigrad.verify import DType
    from minigrad.verify.report import Check, Report, Verdict

TARGETS = """
A TARGET is a built-in name (lstm, tanh), or MODULE:ATTRIBUTE or FILE.py:ATTRIBUTE for a cell,
layer, model or primitive of your own. The file is run, as an import would run it. A model is an
instance, or a class, which is made with its own defaults and 8 for each size that it requires.
`verify` also takes FILE.py or a module's name alone, for everything that it defines, and
backward passes written by hand: marked with @minigrad.verify.backward_of(forward,
example_inputs), named f_backward next to an f with @minigrad.verify.with_examples or --input,
written by `compile -o`, or a class with forward and backward, whose gradients stand beside its
parameters (dW, grads["W"]). `graph` and `derive` also
take a whole model: a function without required arguments that returns a Tensor, such as a loss, or
a tuple of Tensors. `graph` runs its layers step by step; a Tensor is drawn as it was recorded.
"""


class InvalidInput(click.ClickException):
    """A mistake in the user's input: one line, exit status 2."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Write a cell's equations once; verify, derive, draw and compile them.

    \b
    minigrad verify                    judge every gradient of the library
    minigrad verify lstm gru           … of two layers
    minigrad verify mycell.py:MyCell   … of a cell of your own
    minigrad verify file.py:backward   … of a backward pass written by hand
    minigrad verify file.py            … of everything that a file defines
    minigrad derive lstm --wrt W_f     where a gradient comes from, step by step
    minigrad graph lstm --steps 3 -o lstm.svg
    minigrad graph mymodel.py:loss -o loss.html
    minigrad compile lstm --show       the fused kernel that its layers run
    minigrad compile file.py:f --input x=3x4 -o gradient.py
    """  # noqa: D301  (click reads the backspace)


def _list_names(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        for target in builtin():
            click.echo(target.name)
        context.exit()


_examples = click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME=SHAPE",
    help="Example of an argument of a function, of forward, or of a module's constructor: an array "
    "x=3x4, p=float:0..1:4, of whole numbers k=int:0..5:7, m=bool:3x3, a single number s=(), "
    "params.W=4x2 for an entry of a dict, or a value as it stands, n=value:2. Repeat it for each "
    "argument.",
)


@cli.command(epilog=TARGETS)
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@_examples
@click.option("--constant", "constants", multiple=True, metavar="NAME", help="An input that is not "
              "differentiated; can be repeated.")  # fmt: skip
@click.option("--differentiate", multiple=True, metavar="NAME", help="An input to differentiate "
              "by; if given, the others are constants. Can be repeated.")  # fmt: skip
@click.option("--positive", multiple=True, metavar="NAME", help="An input that is positive; "
              "can be repeated.")  # fmt: skip
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list_names,
              help="Print the built-in names and exit.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="Write the report as JSON.")  # fmt: skip
@click.option("--report", "folder", type=click.Path(file_okay=False, path_type=Path),
              metavar="DIR", help="Write an HTML and JSON report to this folder, with the "
              "derivation and the unrolled graph of each layer.")  # fmt: skip
@click.option("--seed", type=CountRange(min=0), metavar="N", default=0, show_default=True,
              help="Seed of the random points and weights.")  # fmt: skip
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default=None,
              help="Precision of the floats that the code gets; by default that of the example, "
              "or float64.")  # fmt: skip
@click.option("--tolerance", type=FiniteRange(min=0, min_open=True), default=1e-5,
              show_default=True, help="Largest relative error of floats that counts as right; "
              "the report gives the error.")  # fmt: skip
@click.option("--budget", type=FiniteRange(min=0, min_open=True), default=5.0,
              show_default=True, metavar="SECONDS", help="Time limit of each judge for one "
              "problem.")  # fmt: skip
@click.option("--witness", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.py",
              help="Write a script that shows the first mistake and needs only NumPy.")  # fmt: skip
@click.option("--jobs", type=CountRange(min=1), metavar="N",
              help="Number of processes; one per processor if not given.")  # fmt: skip
@click.pass_context
def verify(
    context: click.Context,
    targets: tuple[str, ...],
    inputs: tuple[str, ...],
    constants: tuple[str, ...],
    differentiate: tuple[str, ...],
    positive: tuple[str, ...],
    json_file: Path | None,
    folder: Path | None,
    seed: int,
    dtype: DType | None,
    tolerance: float,
    budget: float,
    witness: Path | None,
    jobs: int | None,
) -> None:
    """Judge the gradients of each TARGET, or of the whole library if none is given.

    Three judges look at each. PROOF runs the code on symbols: its gradient minus SymPy's own
    derivative must reduce to 0. EXACT compares the gradient with the slopes of dual numbers,
    over 100 steps, in a finite field: equal or not, no tolerance. NUMERIC compares the floats
    with the complex step or with differences, on real data.

    Each verdict is right, wrong (with a point at which floats show it), or undecided.

    Exit status: 0 if everything is right, 1 if something is wrong, 3 if nothing is wrong but
    something is undecided or cannot be run, 2 if there is nothing to judge, the input was invalid
    or a process died.
    """
    from minigrad.verify import WorkerError
    from minigrad.verify import verify as judge
    from minigrad.verify.workers import processors

    roles = Roles(constants, differentiate, positive)
    if not targets and (inputs or roles != NO_ROLES):
        raise InvalidInput(
            "--input, --constant, --differentiate and --positive are for one target, expected its "
            "name: FILE.py:NAME"
        )
    found = [_resolve(text, inputs, roles) for text in targets] or builtin()
    for file in (json_file, witness):
        if file:
            check_writable(file)
    if folder:
        _check_pages(folder)
    with _progress() as progress:
        task = progress.add_task("", total=None)
        try:
            report = judge(
                *found,
                seed=seed,
                tolerance=tolerance,
                budget=budget,
                dtype=dtype or "",
                jobs=jobs or processors(),
                progress=lambda what, done, total: progress.update(
                    task, description=what, completed=done, total=total
                ),
            )
        except (TargetError, WorkerError) as error:
            raise InvalidInput(str(error)) from error
    console = Console()
    console.print(_table(report))
    for line in _findings(report):
        console.print(line, highlight=False, soft_wrap=True)
    if witness:
        _write_witness(report, witness)
    if json_file:
        report.write_json(json_file)
        click.echo(f"wrote {json_file}")
    if folder:
        from minigrad.pages import write_pages

        with _progress() as progress:
            task = progress.add_task("", total=None)
            page = write_pages(
                report, [member for target in found for member in target.members()], folder,
                progress=lambda what: progress.update(task, description=what),
            )  # fmt: skip
        click.echo(f"wrote {page}: the report, with derivations and graphs")
    context.exit(report.status)


@cli.command(epilog=TARGETS)
@click.argument("target")
@_examples
@click.option("--wrt", metavar="NAME", help="Show only the steps that lead to this parameter, "
              "gate, "
              "state or input: W_f, f, c, x.")  # fmt: skip
@click.option("--format", "style", type=click.Choice(["text", "latex", "markdown", "html"]),
              help="Format of the derivation; by default that of the file's ending, or "
              "text.")  # fmt: skip
@click.option("--notation", type=click.Choice(["standard", "stm-ltm", "notes"]),
              default="standard", show_default=True, help="Names of a cell's quantities: x, h, c; "
              "or E, STM, LTM; or C and C̃ for the memory and its candidate.")  # fmt: skip
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True,
              help="Language of headings and reasons.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write to this file instead of printing.")  # fmt: skip
def derive(
    target: str,
    inputs: tuple[str, ...],
    wrt: str | None,
    style: str | None,
    notation: Notation,
    language: Language,
    output: Path | None,
) -> None:
    """Derive the gradients of TARGET: its equations, then each gate's gradient, step by step.

    SymPy differentiates the equations that the cell's own code runs, so a changed cell changes
    its derivation.
    """
    from minigrad.symbolic import derive as derivation_of

    style = style or _style_of(output)
    try:
        derivation = derivation_of(
            _resolve(target, inputs), wrt=wrt, notation=notation, language=language
        )
        text = getattr(derivation, style)()
    except (ValueError, ImportError) as error:
        raise InvalidInput(str(error)) from error
    if output is None:
        click.echo(text)
    else:
        write_text(output, text)
        click.echo(f"wrote {output}")


@cli.command(epilog=TARGETS)
@click.argument("target")
@_examples
@click.option("--steps", type=CountRange(min=1), metavar="N", default=3, show_default=True,
              help="Time steps of a cell or layer; a function has its own.")  # fmt: skip
@click.option("--view", type=click.Choice(list(VIEWS)), default="unrolled", show_default=True,
              help="; ".join(f"{it.name}: {it.help}" for it in VIEWS.values()) + ".")  # fmt: skip
@click.option("--style", type=click.Choice(["light", "dark", "print"]), default="light",
              show_default=True, help="For a light page, for a dark page, or black on white for "
              "print, with line styles and greys instead of colours.")  # fmt: skip
@click.option("--all-steps", is_flag=True, help="Draw every step, even if there are many.")
@click.option(
    "--depth",
    type=CountRange(min=1),
    metavar="LEVELS",
    help="Level of modules that are one box each; the deepest that fits a page if not given.",
)
@click.option(
    "--open",
    multiple=True,
    metavar="MODULE",
    help="A module to open at any depth: body.layers.0; can be repeated.",
)
@click.option(
    "--fit",
    type=click.Choice(list(PAGES)),
    help="Size for a slide, a paper's column or a page: long chains are wrapped, and modules "
    "that do not fit are collapsed.",
)
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    default="up",
    show_default=True,
    help="In which layers follow each other; time steps always run to the right.",
)
@click.option("--title", help="Title of the picture.")
@click.option(
    "--hide",
    type=click.Choice(sorted(HIDDEN)),
    multiple=True,
    help="What to leave out; can be repeated.",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="Language of the picture.",
)
@click.option("--measure", is_flag=True, help="With --view cost: measure the time of each box.")
@click.option(
    "--scale",
    type=FiniteRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Enlarge a .png by this factor.",
)
@click.option(
    "--dpi",
    type=FiniteRange(min=0, min_open=True),
    default=96.0,
    show_default=True,
    help="Dots per inch of a .png.",
)
@click.option("--transparent", is_flag=True, help="Without a background.")
@click.option("--live", is_flag=True, help="With a .html file: inputs, weights and gates can be "
              "changed, and the page computes every value and gradient.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A .svg, .png, .pdf, .dot, .tex, .json, .onnx or .html file; without "
              "it, DOT is printed.")  # fmt: skip
def graph(
    target: str, inputs: tuple[str, ...], output: Path | None, fit: str | None, **options: Any
) -> None:
    """Draw TARGET unrolled over time: one cluster per step, with gates and shapes.

    To draw a whole model, name a function in its file that returns its loss.
    """
    if options["measure"] and options["view"] != "cost":
        raise InvalidInput(f"--measure: is for --view cost, got --view {options['view']}")
    for name, usual in (("scale", 1.0), ("dpi", 96.0)):
        if options[name] != usual and (output is None or output.suffix.lower() != ".png"):
            raise InvalidInput(f"--{name}: is for a .png file, got {output or 'no file'}")
    try:
        picture = draw(_resolve(target, inputs), output, fit=fit or "", **options)
        text = source(picture) if output is None else f"wrote {output}"
    except (ValueError, RuntimeError, ImportError) as error:
        raise InvalidInput(str(error)) from error
    click.echo(text)


@cli.command(epilog=TARGETS)
@click.argument("target")
@_examples
@click.option("--show", is_flag=True, help="Print the generated source instead.")
@click.option("--backend", type=click.Choice(["numpy", "numba"]),
              help="Numba by default, if it is installed.")  # fmt: skip
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True,
              help="Language of the comments in a function's source.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the generated source to this file.")  # fmt: skip
def compile(
    target: str,
    inputs: tuple[str, ...],
    show: bool,
    backend: str | None,
    language: Language,
    output: Path | None,
) -> None:
    """Compile a function, a module, or a cell over a sequence.

    For a function of arrays (FILE.py:f --input x=3x4) or a module, --show and -o write two
    functions of plain NumPy: its value, and its gradient with respect to all floating-point
    arguments and parameters. They use the names of the function's own code and do not import
    minigrad.

    For a cell, all steps become one kernel, forward and backward, made from SymPy's derivatives of
    its equations. Layers use it automatically; this command shows it, or compiles it in advance.
    """
    from minigrad.compile.backends import named
    from minigrad.compile.command import description, source
    from minigrad.compile.trace import TraceError

    try:
        where = None if backend is None else named(backend)
        if output is not None:
            check_writable(output)
        if output is not None or show:
            text = source(target, inputs, where, language)
            if output is not None:
                write_text(output, text)
            click.echo(f"wrote {output}" if output is not None else text, nl=output is not None)
        else:
            for line in description(target, inputs, where):
                click.echo(line)
    except (ValueError, ImportError, TraceError) as error:
        raise InvalidInput(str(error)) from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a mistake in the input is one line, and exit status 2."""
    show_any_sign()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            status = cli.main(args=arguments, prog_name="minigrad", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 2
    except click.ClickException as error:
        status = _refuse(error.format_message())
    except OSError as error:
        status = _refuse(f"{error.filename or 'output'}: {error.strerror or error}")
    except MemoryError as error:
        status = _refuse(f"out of memory: {error}; choose smaller sizes")
    except (click.Abort, KeyboardInterrupt):
        status = _refuse("interrupted", 130)
    sys.exit(status or 0)


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning on one line; with its place if that is in the user's own code."""
    own = not Path(filename).is_relative_to(Path(__file__).parent)
    place = f"{filename}, line {lineno}: {category.__name__}: " if own else ""
    click.echo(f"minigrad: warning: {place}{' '.join(str(message).split())}", err=True)


def _refuse(message: str, status: int = 2) -> int:
    click.echo(f"minigrad: {' '.join(message.split())}", err=True)
    return status


def _resolve(text: str, inputs: Sequence[str] = (), roles: Roles = NO_ROLES) -> Target:
    try:
        return resolve(text, inputs, roles)
    except TargetError as error:
        raise InvalidInput(str(error)) from error


def _check_pages(folder: Path) -> None:
    """Refuse a report that cannot be written, before anything is judged."""
    from minigrad.pages import check_requirements

    try:
        check_requirements(folder)
    except (ImportError, RuntimeError) as error:
        raise InvalidInput(str(error)) from error


def _style_of(output: Path | None) -> str:
    """The form that a file's ending asks for."""
    styles = {".tex": "latex", ".md": "markdown", ".html": "html", ".txt": "text", "": "text"}
    ending = output.suffix.lower() if output else ""
    if ending not in styles:
        raise InvalidInput(
            f"{output}: unknown ending {ending!r}, expected {', '.join(filter(None, styles))}, "
            "or give --format"
        )
    return styles[ending]


def _progress() -> Progress:
    """Progress on standard error, and nothing where it is not a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _table(report: Report) -> Table:
    """One line per target, one column per judge."""
    table = Table(caption_justify="left", caption=_legend(report))
    table.add_column("target", no_wrap=True)
    for judge, unit in zip(report.judges, ("entries", "entries", "relative error"), strict=True):
        table.add_column(f"{judge}\n[dim]{unit}[/]", no_wrap=True)
    table.add_column("seconds", justify="right")
    for target, checks in report.by_target().items():
        cells = [_cell([check for check in checks if check.judge == j]) for j in report.judges]
        seconds = sum(check.seconds for check in checks)
        table.add_row(escape(target), *cells, f"{seconds:.2f}")
    return table


def _cell(checks: list[Check]) -> str:
    """What one judge said of one target, over all shapes."""
    from minigrad.verify.report import summary

    tried = [check for check in checks if check.outcome != "untried"]
    if not tried:
        return "–"
    wrong = sum(check.outcome == "wrong" for check in tried)
    if wrong:
        return f"[bold red]✗ {wrong} of {len(tried)} wrong[/]"
    open_ = sum(check.outcome == "undecided" for check in tried)
    if open_:
        return f"[yellow]? {open_} of {len(tried)} undecided[/]"
    return f"[green]✓[/] {summary(tried)}"


def _legend(report: Report) -> str:
    return "\n".join(
        ["proof: an identity, at small shapes",
         "exact: equal in a finite field of 2⁶¹ − 1 elements, without tolerance",
         "numeric: floats against the complex step; layers on windows of Seattle's weather",
         f"✓ right, ✗ wrong, ? undecided, – not tried; seed {report.seed}"]
    )  # fmt: skip


def _findings(report: Report) -> list[str]:
    """The verdicts that are not only right, each with its reasons, and the count of all."""
    lines = []
    verdicts = report.verdicts()
    for verdict in verdicts:
        by_hand = "∂L/∂" in verdict.target
        if verdict.outcome == "right" and not (by_hand or verdict.remarks):
            continue
        colour = {"right": "green", "wrong": "bold red", "undecided": "yellow"}[verdict.outcome]
        lines.append(f"[{colour}]{escape(verdict.target)}[/] is {verdict.outcome}")
        lines += _reasons(verdict)
        if verdict.witness:
            lines.append(f"  witness: {escape(str(verdict.witness))}")
        lines += [f"  note: {escape(remark)}" for remark in verdict.remarks]
    lines += [f"not judged: {escape(n)}: {escape(why)}" for n, why in report.left_out.items()]
    count = Counter(verdict.outcome for verdict in verdicts)
    total = f"{count['right']} right, {count['wrong']} wrong, {count['undecided']} undecided"
    head = "[bold green]passed[/]" if report.passed else (
        "[bold red]FAILED[/]" if count["wrong"] else "[yellow]undecided[/]")  # fmt: skip
    return [*lines, f"{head}: {total}, by {len(report.checks)} checks"]


def _reasons(verdict: Verdict) -> list[str]:
    """What the judges say of one target, each sentence once."""
    from minigrad.verify.report import grouped, shapes

    if verdict.outcome == "right":
        return [
            f"  {', '.join(judges)}: {escape(told)}" for told, judges in grouped(verdict.checks)
        ]
    lines: list[str] = []
    culprits: dict[str, str] = {}  # the judges mostly blame the same, at other shapes
    first: dict[str, list[Check]] = {}  # the checks that say the same
    for check in verdict.checks:
        if not check.passed:
            first.setdefault(check.failures[0], []).append(check)
        for culprit in check.failures[1:]:
            culprits.setdefault(re.sub(r"\d+", "", culprit), culprit)
    for sentence, agreeing in first.items():
        judges = ", ".join(dict.fromkeys(check.judge for check in agreeing))
        lines.append(f"  {judges}: {escape(sentence)}")
        if agreeing[0].outcome != "untried" and agreeing[0].shapes:
            lines.append(f"    [dim]at {escape(shapes(agreeing[0]))}[/]")
    return [*lines, *(f"  → {escape(culprit)}" for culprit in culprits.values())]


def _write_witness(report: Report, path: Path) -> None:
    """The script of the first mistake."""
    found = [v.witness for v in report.verdicts() if v.witness]
    for witness in found:
        if witness.script:
            write_text(path, witness.script)
            click.echo(f"wrote {path}: run it to see the mistake")
            return
    wrong = any(v.outcome == "wrong" for v in report.verdicts())
    reason = "a mistake that no floating-point number shows" if wrong else "nothing is wrong"
    click.echo(f"no witness was written: {found[0].alone if found else reason}")
