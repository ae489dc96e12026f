"""Chapters run: side by side, each once, and only if its code, the library or its data changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from tutorials.bilingual import split
from tutorials.chapters import LANGUAGES, has_data_of_each_language, in_language

ROOT = Path(__file__).parents[1]
BILINGUAL = "from tutorials.bilingual import install; install(); del install"


@dataclass(frozen=True)
class Run:
    """An execution of a chapter: in one language, or ``both`` in one go."""

    name: str
    language: str
    notebook: NotebookNode

    @property
    def key(self) -> str:
        """What the outputs depend on, as a hash: the code, the library with its data, packages."""
        code = (cell.source for cell in self.notebook.cells if cell.cell_type == "code")
        parts = (self.language, library(), *code)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def library() -> str:
    """A hash of everything that a chapter may use but does not hold itself."""
    found = hashlib.sha256(sys.version.encode())
    for folder in ("minigrad", "models"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for name in ("bilingual.py", "execution.py"):
        found.update((ROOT / "tutorials" / name).read_bytes())
    found.update(str(sorted((d.name, d.version) for d in distributions())).encode())
    return found.hexdigest()


def runs_of(name: str, notebook: NotebookNode, *, apart: bool = False) -> list[Run]:
    """One run for both languages; one for each where the chapter computes something else in each.

    Args:
        name: the chapter's.
        notebook: from `tutorials.chapters.read`.
        apart: run each language by itself in any case; the outputs should be the same.
    """
    if apart or has_data_of_each_language(notebook):
        return [Run(name, code, in_language(notebook, code)) for code in LANGUAGES]
    return [Run(name, "both", notebook)]


def execute(
    notebooks: dict[str, NotebookNode],
    *,
    kept: Path | None = None,
    apart: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> dict[tuple[str, str], NotebookNode]:
    """Run all chapters; for each and each language, the notebook with its outputs.

    Args:
        notebooks: by the chapter's name, from `tutorials.chapters.read`.
        kept: a folder in which runs are kept, and taken from if nothing changed.
        apart: see `runs_of`.
        say: called with a line about what begins and what is done.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    runs = [run for name, book in notebooks.items() for run in runs_of(name, book, apart=apart)]
    done = asyncio.run(_side_by_side(runs, kept, say))
    found = {}
    for run, executed in zip(runs, done, strict=True):
        outputs = {cell.id: cell for cell in executed.cells if cell.cell_type == "code"}
        for language in LANGUAGES if run.language == "both" else (run.language,):
            book = in_language(notebooks[run.name], language)
            for cell in book.cells:
                if cell.cell_type == "code":
                    cell.outputs = split(outputs[cell.id].outputs, language)
                    cell.execution_count = outputs[cell.id].execution_count
            found[run.name, language] = book
    return found


async def _side_by_side(
    runs: Iterable[Run], kept: Path | None, say: Callable[[str], None]
) -> list[NotebookNode]:
    """Run them, as many at a time as there are processors, and say how far they are."""
    runs = list(runs)
    turn = asyncio.Semaphore(os.cpu_count() or 1)
    start, finished, failed = time.perf_counter(), 0, False

    async def one(run: Run) -> NotebookNode:
        nonlocal finished, failed
        name = run.name if run.language == "both" else f"{run.name} ({run.language})"
        place = kept / f"{run.key}.ipynb" if kept else None
        if place and place.exists():
            finished += 1
            say(f"[{finished:>2}/{len(runs)}] {name}: unchanged")
            return nbformat.read(place, as_version=4)
        async with turn:
            if failed:  # those that run go on to their end, and no other begins
                raise asyncio.CancelledError
            began = time.perf_counter()
            say(f"        {name} …")
            try:
                executed = await run_cells(run, say)
            except BaseException:
                failed = True
                say(f"        {name}: failed")
                raise
        finished += 1
        took, all_in_all = time.perf_counter() - began, time.perf_counter() - start
        say(f"[{finished:>2}/{len(runs)}] {name}: {took:.0f} s, {all_in_all:.0f} s since the start")
        if place:
            place.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(executed, place)
        return executed

    found = await asyncio.gather(*map(one, runs), return_exceptions=True)
    for result in found:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result
    return [book for book in found if isinstance(book, NotebookNode)]


async def run_cells(run: Run, say: Callable[[str], None]) -> NotebookNode:
    """A copy of the notebook with the outputs of all cells, run by the Python that runs this."""
    book = deepcopy(run.notebook)
    if run.language == "both":
        book.cells.insert(0, nbformat.v4.new_code_cell(BILINGUAL, id="bilingual"))
    # No folder to look for kernels in: then python3 is ours, whatever a user has installed.
    specs = KernelSpecManager(kernel_dirs=[])
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    told = time.perf_counter()

    def tell(cell: NotebookNode, cell_index: int, **_: object) -> None:
        nonlocal told
        if time.perf_counter() - told > 10:
            told = time.perf_counter()
            say(f"        {run.name}: {cell_index + 1} of {len(book.cells)} cells")

    with tempfile.TemporaryDirectory() as where:
        client = NotebookClient(
            book,
            km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
            timeout=600,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": where}},
            extra_arguments=["--InlineBackend.figure_formats={'retina'}", "--log-level=ERROR"],
            on_cell_executed=tell,
        )
        client.owns_km = True  # or it would leave the kernel running
        environment = {"PYTHONPATH": path, "MINIGRAD_LANGUAGE": run.language}
        await client.async_execute(env={**os.environ, **threads, **environment})
    return book
