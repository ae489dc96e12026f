"""The build makes notebooks, and a site that needs no network, in both languages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath

import jupytext
import nbformat
import pytest

from tutorials import reference
from tutorials.build import build, for_download, in_columns, slides, with_mathml, zipped_models
from tutorials.chapters import LANGUAGES, chapter, in_language, in_words, read, untwinned

ROOT = Path(__file__).parents[2]

SCRIPT = """\
# %% [markdown] lang="en"
# # Squares
# **What is** the square of $x$**?** Why, $$x^2$$

# %% [markdown] lang="es"
# # Cuadrados
# **¿Cuánto es** el cuadrado de $x$**?** Pues $$x^2$$

# %%
from minigrad.tutorial import text
import sympy
print(text("seven times 191 is", "siete por 191 son"), 7 * 191)
sympy.sqrt(sympy.Symbol("z"))

# %%
from minigrad import graph
graph.draw("rnn", steps=1)

# %% [markdown] lang="en" tags=["solution"]
# The English solution.

# %% [markdown] lang="es" tags=["solution"]
# La solución en español.

# %% tags=["solution"]
print("folded")

# %% [markdown] lang="en" tags=["quiz"]
# **1. What is $2^2$?**
# - [ ] Two :: That is the root.
# - [x] Four :: Two times
#   two.
# - [ ] Eight :: That is the cube, $2^3$.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Cuánto es $2^2$?**
# - [ ] Dos :: Esa es la raíz.
# - [x] Cuatro :: Dos por dos.
# - [ ] Ocho :: Ese es el cubo, $2^3$.

# %% [markdown] lang="en" tags=["hint"]
# 1. Look.
# 2. Look at $x$.
# 3. Multiply.

# %% [markdown] lang="es" tags=["hint"]
# 1. Mira.
# 2. Mira $x$.
# 3. Multiplica.

# %% tags=["plot"]
import matplotlib.pyplot as plt  # pictures || dibujos
figure, axes = plt.subplots()
axes.set_title(text("a title", "un título mucho más largo"))
plt.show()
"""


# One that is run in a moment, where what it draws does not matter
BRIEF = (
    SCRIPT[: SCRIPT.index("# %%\nfrom minigrad import graph")]
    .replace("import sympy\n", "")
    .replace('sympy.sqrt(sympy.Symbol("z"))\n', "")
)

WHEEL = "symbolic_autodiff-0.1.0-py3-none-any.whl"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    path = tmp_path_factory.mktemp("wheel") / WHEEL
    path.write_text("as pip would build it")
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory, wheel):
    folder = tmp_path_factory.mktemp("site")
    for stem, source in (("01-squares", SCRIPT), ("02-more", BRIEF)):
        (folder / f"{stem}.py").write_text(source, encoding="utf-8")
    scripts = sorted(folder.glob("*.py"))
    written = build(scripts, folder / "out", wheel)
    out = folder / "out"
    assert set(written) == {path for path in out.rglob("*") if path.is_file()}
    return {str(path.relative_to(out)): path.read_text(encoding="utf-8") for path in written}


def test_each_language_has_its_own_prose_and_output_and_all_of_the_code(site):
    for ending in ("ipynb", "html"):
        english, spanish = (site[f"01-squares.{code}.{ending}"] for code in ("en", "es"))
        assert "Cuadrados" not in english and "Squares" not in spanish
        assert "seven times 191 is 1337" in english and "siete por 191 son 1337" in spanish
    assert "<title>Squares</title>" in site["01-squares.en.html"]
    assert '<html lang="es">' in site["01-squares.es.html"]


def test_pictures_say_in_the_reader_s_language_where_they_stand(site):
    assert 'alt="Figure: Squares"' in site["01-squares.en.html"]
    assert 'alt="Figura: Cuadrados"' in site["01-squares.es.html"]
    assert not any("No description" in page for page in site.values())


def test_formulas_are_mathml_in_pages_and_latex_in_notebooks(site):
    for code in ("en", "es"):
        page = site[f"01-squares.{code}.html"]
        assert "<msup>" in page and "<msqrt>" in page
        assert "$x" not in page and "\\sqrt" not in page
        assert "$x$" in site[f"01-squares.{code}.ipynb"]


def test_a_dollar_in_code_is_no_formula():
    assert with_mathml("`a$b` and `c$d`\n```\n$x$\n```") == "`a$b` and `c$d`\n```\n$x$\n```"


def test_pages_need_no_network_and_lead_to_each_other(site):
    for name, page in site.items():
        if name.endswith(".html"):
            assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", page)
            written = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
            for link in re.findall(r'href="([^"]+)"', written):
                place, _, anchor = link.partition("#")
                target = normpath(join(dirname(name), place)) if place else name
                assert target in site, f"{name} leads to {link}"
                if anchor and "/" not in name:  # pdoc's links to inherited methods lead nowhere
                    assert f'id="{anchor}"' in site[target], f"{name} leads to {link}"
    assert '<a rel="next" href="02-more.es.html">' in site["01-squares.es.html"]
    assert '<a rel="prev" href="01-squares.en.html">' in site["02-more.en.html"]
    assert 'href="01-squares.es.html"' in site["01-squares.en.html"]


def test_the_reference_has_every_module_and_its_names_in_backticks_are_links(site):
    first = site["reference/minigrad.html"]
    for name in reference.PAGES:
        page = site[f"reference/{name.replace('.', '/')}.html"]
        assert '<h1 class="modulename">' in page
        assert f">{name}</a>" in first
    assert "<strong>argnums:</strong>" in first  # an Args section
    assert '<a href="#value_and_grad">value_and_grad</a></code>' in first


def test_solutions_are_folded_in_pages_and_notebooks(site):
    page = site["01-squares.en.html"]
    start, end = page.index('<details class="solution">'), page.index("</details>")
    assert start < page.index("The English solution") < end
    assert start < page.index('"folded"', start) < end
    cells = nbformat.reads(site["01-squares.es.ipynb"], as_version=4).cells
    folded = [cell for cell in cells if cell.source.startswith("<details><summary>Solución")]
    assert [cell.cell_type for cell in folded] == ["markdown", "markdown"]
    assert '```python\nprint("folded")\n```' in folded[1].source


def test_a_notebook_runs_no_solution_so_that_a_reader_s_answers_stay(site):
    for language in ("en", "es"):
        cells = nbformat.reads(site[f"01-squares.{language}.ipynb"], as_version=4).cells
        assert not any("folded" in cell.source for cell in cells if cell.cell_type == "code")


def test_a_question_marks_each_choice_and_says_why(site):
    for ending in ("html", "ipynb"):
        page = site[f"01-squares.en.{ending}"].replace('\\"', '"')
        assert re.findall(r'<details class="choice (\w+)"', page) == ["wrong", "right", "wrong"]
        assert "Two times two." in page and "That is the cube" in page
    assert "✓ Correcto." in site["01-squares.es.html"]


def test_hints_are_folded_one_in_the_other(site):
    page = site["01-squares.en.html"]
    places = [page.index(f"<summary>Hint {number}</summary>") for number in (1, 2, 3)]
    assert places == sorted(places)
    assert "</details>" not in page[places[0] : places[2]]


@pytest.mark.parametrize(
    ("code", "english", "spanish"),
    [
        ('print(text("loss", "pérdida"), 3)', 'print("loss", 3)', 'print("pérdida", 3)'),
        ("f\"{text('a', 'b')} {x}\"", 'f"a {x}"', 'f"b {x}"'),
        ("f\"{text('a', 'b'):<9}\"", "f\"{'a':<9}\"", "f\"{'b':<9}\""),
        ("x = text((1, 2),\n    3)  # fmt: skip", "x = (1, 2)", "x = 3"),
        ("y = x  # state || estado", "y = x  # state", "y = x  # estado"),
        (
            "# a || b\n# one\n# two\n# || uno\nx = 1",
            "# a\n# one\n# two\nx = 1",
            "# b\n# uno\nx = 1",
        ),
        ('"""One.\n\n|| Uno."""', '"""One."""', '"""Uno."""'),
        ('"""One.\n\n|| Uno.\n"""', '"""One."""', '"""Uno."""'),
        ('axes.text(1, 2, "é")', 'axes.text(1, 2, "é")', 'axes.text(1, 2, "é")'),
    ],
)
def test_code_has_the_words_of_the_reader_s_language_only(code, english, spanish):
    assert (in_words(code, "en"), in_words(code, "es")) == (english, spanish)


def test_slides_show_the_question_and_each_figure(site):
    deck = site["01-squares.es.slides.html"]
    assert "¿Cuánto es" in deck and deck.count("<section") >= 4
    assert "data:image/png" in deck and "<svg" in deck
    assert "folded" not in deck


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_slide_s_heading_is_its_section_s_and_its_lead_a_sentence(language):
    script = Path(reference.__file__).parent / "05-lstm-gate-by-gate.py"
    notebook = in_language(read(script), language)
    deck = slides(notebook, chapter(script, notebook, language))
    headings = re.findall(r"<h2>(.*?)</h2>", deck, re.DOTALL)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert headings
    assert all(f"\n## {heading}\n" in f"\n{prose}" for heading in map(unescape, headings))
    leads = re.findall(r"<h2>.*?</h2>\s*<p>(.*?)</p>", deck)
    assert leads and not any("\n\n" in lead or "**" in lead for lead in leads)


def test_one_run_for_both_languages_shows_what_two_runs_show(tmp_path, site, wheel):
    """Pictures too: up to layout, which starts from the last language's in one run."""
    script = tmp_path / "01-squares.py"
    script.write_text(SCRIPT, encoding="utf-8")
    build([script], tmp_path / "out", wheel, apart=True)
    for language in ("en", "es"):
        name = f"01-squares.{language}.ipynb"
        one = nbformat.reads(site[name], as_version=4).cells
        two = nbformat.reads((tmp_path / "out" / name).read_text("utf-8"), as_version=4).cells
        assert [cell.source for cell in one] == [cell.source for cell in two]
        for cell, other in zip(one, two, strict=True):
            assert _but_pixels(cell) == _but_pixels(other)


def _but_pixels(cell):
    outputs = nbformat.from_dict(cell.get("outputs", []))
    for output in outputs:
        output.get("data", {}).pop("image/png", None)
        output.get("metadata", {}).pop("image/png", None)
    return outputs


def test_what_has_not_changed_is_not_run_again(tmp_path, wheel, monkeypatch):
    script, said = tmp_path / "01-squares.py", []
    for source in (BRIEF, BRIEF.replace("Why, ", ""), BRIEF.replace("191", "291")):
        if said:
            monkeypatch.setattr("tutorials.build.rendered_reference", None)
        script.write_text(source, encoding="utf-8")
        said.append([])
        build([script], tmp_path / "out", wheel, kept=tmp_path / "kept", say=said[-1].append)
    assert [len(lines) for lines in said] == [2, 1, 2]
    assert said[1] == ["[ 1/1] 01-squares: unchanged"]
    assert "seven times 291 is 2037" in (tmp_path / "out" / "01-squares.en.html").read_text("utf-8")


def test_data_of_each_language_need_a_run_for_each(tmp_path, wheel):
    script = tmp_path / "01-squares.py"
    source = BRIEF.replace("7 * 191", "text(7, 8) * 191")
    script.write_text(source, encoding="utf-8")
    with pytest.raises(Exception, match="data_of_each_language"):
        build([script], tmp_path / "out", wheel)
    header = "# ---\n# jupyter:\n#   minigrad:\n#     data_of_each_language: true\n# ---\n\n"
    script.write_text(header + source, encoding="utf-8")
    build([script], tmp_path / "out", wheel)
    assert "siete por 191 son 1528" in (tmp_path / "out" / "01-squares.es.html").read_text("utf-8")


def test_a_notebook_begins_by_installing_the_wheel_where_it_is_missing(site):
    first = nbformat.reads(site["01-squares.es.ipynb"], as_version=4).cells[0]
    assert first.cell_type == "code"
    assert f'%pip install --quiet "./{WHEEL}[graphviz,models,report]"' in first.source
    assert f"falta {WHEEL}" in first.source
    assert site[WHEEL] == "as pip would build it"
    assert f'<a href="{WHEEL}" download>' in site["01-squares.es.html"]
    assert 'os.environ["MINIGRAD_LANGUAGE"] = "es"' in first.source


def test_a_chapter_that_needs_models_finds_them_beside_it(tmp_path, wheel):
    script = tmp_path / "01-models.py"
    script.write_text(BRIEF.replace("# %%\n", "# %%\nfrom models import text as t\n"))
    written = build([script], tmp_path / "out", wheel)
    archive = tmp_path / "out" / "models.zip"
    assert archive in written and archive.read_bytes() == zipped_models()
    page = (tmp_path / "out" / "01-models.es.html").read_text(encoding="utf-8")
    assert '<a href="models.zip" download>' in page
    notebook = (tmp_path / "out" / "01-models.es.ipynb").read_text(encoding="utf-8")
    setup = nbformat.reads(notebook, as_version=4).cells[0].source
    assert "falta models.zip" in setup and setup.rstrip().endswith('sys.path.append("models.zip")')
    # Where only minigrad is installed; -S leaves out what an editable install adds to the path
    alone = tmp_path / "installed"
    alone.mkdir()
    (alone / "minigrad").symlink_to(ROOT / "minigrad")
    cells = [setup.replace("%pip", "pass  #"), "import models.text; print(models.text.__file__)"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", "\n".join(cells)], cwd=archive.parent, check=True,
        env={**os.environ, "PYTHONPATH": f"{alone}{os.pathsep}{sysconfig.get_path('purelib')}"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()) == Path("models.zip/models/text.py")


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (SCRIPT.replace('lang="es"', 'lang="en"', 1), "languages ['en', 'en']"),
        (SCRIPT.replace("# # Cuadrados", "# ## Cuadrados"), "other headings"),
        (SCRIPT.replace('lang="es" tags=["solution"]', 'lang="es"'), "tags than its twin"),
        (SCRIPT.replace("La solución en español", "The English solution"), "not translated"),
        (SCRIPT + '\n# %% [markdown] lang="en"\n# Alone.\n', "languages ['en']"),
    ],
)
def test_prose_without_a_twin_is_refused(tmp_path, broken, fault):
    script = tmp_path / "01-broken.py"
    script.write_text(broken, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(fault)):
        read(script)


def test_the_build_changes_no_notebook_that_it_is_given():
    notebook = jupytext.reads(SCRIPT, "py:percent")
    before = nbformat.writes(notebook)
    for_download(in_language(notebook, "en"), chapter(Path("01.py"), notebook, "en"), WHEEL)
    assert not untwinned(notebook)
    assert nbformat.writes(notebook) == before


def test_tables_and_code_are_scrolled_and_prose_is_wrapped():
    assert in_columns("r       10        30\n0.5     8.1e-04   3.6e-10\n0.9     0.24      0.0078\n")
    assert in_columns("def double(x):\n    return 2 * x\n    # done\n")
    assert not in_columns("T = 0: the soup was good .\nT = 1: the soup was anything but good .\n")
    assert not in_columns("The same:\n  0.35 a rude shop" + 60 * " where" + "\n  0.29 a waiter\n")
