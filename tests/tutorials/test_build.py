"""The build makes one page per language, with code that has run and formulas as MathML."""

from __future__ import annotations

from tutorials.build import build

SCRIPT = """\
# %% [markdown] lang="en"
# # Squares
# The square of $x$ is $$x^2$$

# %% [markdown] lang="es"
# # Cuadrados
# El cuadrado de $x$ es $$x^2$$

# %%
print(7 * 191)
"""


def test_each_language_has_its_own_prose_and_all_of_the_code(tmp_path):
    script = tmp_path / "01-squares.py"
    script.write_text(SCRIPT, encoding="utf-8")
    written = build(script, tmp_path / "out")
    assert [path.name for path in written] == [
        "01-squares.en.ipynb", "01-squares.en.html", "01-squares.es.ipynb", "01-squares.es.html",
    ]  # fmt: skip
    notebook, page, cuaderno, pagina = (path.read_text(encoding="utf-8") for path in written)
    assert "<title>Squares</title>" in page and "<title>Cuadrados</title>" in pagina
    assert "Cuadrados" not in notebook + page and "Squares" not in cuaderno + pagina
    for text in (notebook, page, cuaderno, pagina):
        assert "1337" in text
    for text in (page, pagina):
        assert "<msup>" in text and "$x" not in text
    assert "$x^2$" in notebook
