"""Claims about what is installed, and about the commands that install it."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import minigrad

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_the_package_only_typed_and_with_its_data(tmp_path):
    source = tmp_path / "source"  # built elsewhere, as building leaves files behind
    ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, source],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"minigrad-{minigrad.__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "minigrad = minigrad.cli:main" in archive.read(entry).decode()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"minigrad", f"minigrad-{minigrad.__version__}.dist-info"}
    for needed in ("py.typed", "datasets/seattle_weather.csv", "templates/report.html.jinja"):
        assert f"minigrad/{needed}" in names
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "minigrad").rglob("*.py")}
    assert modules <= set(names)


def test_setup_cfg_is_the_one_place_for_metadata():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project) == {"build-system", "tool"}
    assert set(project["tool"]) == {"ruff"}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: minigrad.__version__"
    mentions = [p for p in (ROOT / "minigrad").rglob("*.py") if "__version__ =" in p.read_text()]
    assert mentions == [ROOT / "minigrad" / "__init__.py"]


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
