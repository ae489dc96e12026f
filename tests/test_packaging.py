"""Claims about what is installed, and about the commands that install it."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

import minigrad
from minigrad import extras
from minigrad.extras import DISTRIBUTION, install_command
from tutorials.build import for_download, zipped_models
from tutorials.chapters import chapter, in_language, read

ROOT = Path(__file__).parents[1]
WRITTEN = {".py", ".md", ".cfg", ".toml", ".jinja", ".html", "Makefile", "run"}
BUILT = {"build", "dist", ".venv", ".venv-bench"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # built elsewhere, as building leaves files behind
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source)
    (built,) = folder.glob("*.whl")
    return built


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What a command prints, outside the clone; what it complains of if it fails."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env={**outside, "PIP_NO_COMPILE": "1", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def needs(wheel: Path, *extras: str) -> Iterator[str]:
    """The distributions that a wheel asks for, with these extras."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    for need in map(Requirement, asked):
        if any(need.marker is None or need.marker.evaluate({"extra": x}) for x in ("", *extras)):
            own = need.name == DISTRIBUTION  # an extra that another one brings along
            yield from needs(wheel, *need.extras) if own else [need.name]


def lend(*names: str, to: Path) -> None:
    """Links to distributions of this environment and to what they need, instead of installing."""
    (site,) = to.glob("lib/python*/site-packages")
    for name in names:
        with suppress(PackageNotFoundError):  # one for other systems
            lent = distribution(name)
            tops = {file.parts[0] for file in lent.files or ()} - {"..", "__pycache__"}
            new = [top for top in tops if not (site / top).exists()]
            for top in new:
                (site / top).symlink_to(lent.locate_file(top))
            if new:
                asked = map(Requirement, lent.requires or ())
                here = [need.name for need in asked if not need.marker or need.marker.evaluate()]
                lend(*here, to=to)


def test_the_wheel_holds_the_package_only_typed_and_with_its_data(wheel):
    stem = f"{DISTRIBUTION.replace('-', '_')}-{minigrad.__version__}"
    assert wheel.name == f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "minigrad = minigrad.cli:main" in archive.read(entry).decode()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"minigrad", f"{stem}.dist-info"}
    for needed in ("py.typed", "datasets/seattle_weather.csv", "templates/report.html.jinja"):
        assert f"minigrad/{needed}" in names
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "minigrad").rglob("*.py")}
    assert modules <= set(names)


def test_the_wheel_works_where_nothing_else_is_and_so_does_a_downloaded_notebook(wheel, tmp_path):
    """One fresh environment: first the command, then a notebook that installs the wheel itself.

    It holds pip and what the wheel asks for, so that whatever the wheel forgets is missing.
    """
    fresh, binaries = tmp_path / "fresh", tmp_path / "fresh" / "bin"
    venv.create(fresh)
    lend("pip", *needs(wheel, "graphviz", "report"), to=fresh)
    pip = binaries / "python", "-m", "pip", "--disable-pip-version-check", "--quiet"
    run(*pip, "install", "--no-index", f"{wheel}[graphviz,report]")
    assert "verify" in run(binaries / "minigrad", "--help", cwd=tmp_path)
    assert "passed: 1 right, 0 wrong" in run(binaries / "minigrad", "verify", "tanh", cwd=tmp_path)

    # With the distribution installed, the command in error messages adds an extra to it
    ask = "from minigrad.extras import install_command; print(install_command('safetensors'))"
    command = shlex.split(run(binaries / "python", "-c", ask, cwd=tmp_path))
    assert command == ["pip", "install", f"{DISTRIBUTION}[safetensors]"]
    run(*pip, *command[1:], cwd=tmp_path)
    run(binaries / "python", "-c", "import minigrad, safetensors", cwd=tmp_path)

    # Now without the wheel: the notebook's first cell has to install it
    run(*pip, "uninstall", "--yes", DISTRIBUTION)
    lend("ipykernel", "nbclient", *needs(wheel, "models"), to=fresh)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    shutil.copy(wheel, downloads)
    (downloads / "models.zip").write_bytes(zipped_models())
    script = ROOT / "tutorials" / "07-words-as-numbers.py"
    this = chapter(script, read(script), "es")
    notebook = for_download(in_language(read(script), "es"), this, wheel.name)
    nbformat.write(notebook, downloads / "chapter.ipynb")
    execute = "from nbclient.cli import main; main(['--inplace', 'chapter.ipynb'])"
    run(binaries / "python", "-c", execute, cwd=downloads, PIP_NO_INDEX="1")
    cells = nbformat.read(downloads / "chapter.ipynb", as_version=4).cells
    printed = "".join(o.get("text", "") for cell in cells for o in cell.get("outputs", ()))
    assert re.search(r"^○ 1: aún sin responder", printed, re.MULTILINE)
    assert "✗" not in printed


def test_setup_cfg_is_the_one_place_for_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project) == {"build-system", "tool"}
    assert set(project["tool"]) == {"ruff"}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: minigrad.__version__"
    assert setup["metadata"]["name"] == DISTRIBUTION
    mentions = [p for p in (ROOT / "minigrad").rglob("*.py") if "__version__ =" in p.read_text()]
    assert mentions == [ROOT / "minigrad" / "__init__.py"]


def test_no_pip_install_in_the_repository_fetches_a_stranger_s_package():
    """Each names the clone, a wheel of it, or a package that setup.cfg depends on."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    others = set(re.findall(r"^[\w-]+", "\n".join(listed), re.MULTILINE)) - {DISTRIBUTION}
    seen = set()
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in BUILT or not {path.suffix, path.name} & WRITTEN or not path.is_file():
            continue
        for command in re.findall(r"pip[\w -]* install (.*)", path.read_text(encoding="utf-8")):
            seen.add(path.name)
            for word in re.findall(r"""[^\s"']+""", re.split(r"""[`\\#]|; |"'""", command)[0]):
                filled_in = word.startswith(("$", "{"))  # by the Makefile, or by install_command
                local = word.startswith((".", "dist/", "-"))  # or an option
                assert filled_in or local or word in others, f"{path}: pip install {command}"
    assert seen >= {"README.md", "Makefile", "build.py", "extras.py"}


def test_messages_name_an_install_that_asks_no_index_for_the_project(monkeypatch):
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: name)
    assert install_command("fast") == f'pip install "{DISTRIBUTION}[fast]"'

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.distribution", missing)
    assert install_command("fast") == f'pip install --editable "{ROOT}[fast]"'
    with pytest.raises(ImportError, match=r"^nowhere is not installed; get it with: pip install"):
        extras.require("nowhere.at_all", extra="fast")


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = [line.split(":")[1].split() for line in makefile.splitlines() if ".PHONY" in line]
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert all(f"make {target} " in listed for target in phony)


def test_a_python_that_is_too_old_is_named_with_what_to_install(tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo "Python 3.9.2"; exit 0; }\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "test"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "needs Python 3.11 or later" in done.stderr
    assert "is Python 3.9.2: install it (apt install" in done.stderr
    assert not (tmp_path / "venv").exists()
