"""A figure in LaTeX has the boxes, wires and formulas of the picture, and compiles."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.cli import main
from minigrad.graph import draw, trace
from minigrad.graph.drawing.tikz import plain, source
from minigrad.graph.fitting import scene

HOSTILE = r"a_b%$#&{}~^\input{/etc/passwd} é 中 ‮"


class Nasty(nn.Module):
    """A model whose names LaTeX would take for commands."""

    def __init__(self):
        self.layers = nn.ModuleDict({HOSTILE: nn.Linear(3, 3, rng=0), "α": nn.Linear(3, 3, rng=1)})

    def forward(self, x):
        for layer in self.layers.values():
            x = x + mg.tanh(layer(x))
        return x


def nasty():
    x = mg.Tensor(np.ones((1, 3), np.float32), requires_grad=True, name=HOSTILE)
    return draw(trace(Nasty()(x), HOSTILE), view="block", title=HOSTILE)


PICTURES = {
    "lstm": lambda: draw("lstm", view="cell"),
    "gru, as it folds": lambda: draw("gru", view="folded"),
    "peephole": lambda: draw("peephole-diagonal", view="cell"),
    "unrolled": lambda: draw("rnn", steps=12, fit="page"),
    "transformer": lambda: draw("transformer", view="block"),
    "Spanish, in print": lambda: draw("lstm", language="es", style="print", view="folded"),
    "hostile": nasty,
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_box_wire_and_formula_is_in_the_figure(name, tmp_path):
    picture = PICTURES[name]()
    text = picture.save(tmp_path / "figure.tex") and (tmp_path / "figure.tex").read_text("utf-8")
    drawn = scene(picture)
    assert text.count(r"\filldraw") == len(drawn.frames) + sum(
        shape.form != "plain" for shape in drawn.shapes
    )
    assert len(re.findall(r"^\\draw\[(->|<-|-),", text, re.M)) == len(drawn.wires)
    assert r"\input{/etc" not in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no LaTeX here")
@pytest.mark.parametrize("name", PICTURES)
def test_pdflatex_takes_the_figure_alone_and_in_a_paper(name, tmp_path):
    PICTURES[name]().save(tmp_path / "figure.tex")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{amsmath,tikz}\usetikzlibrary{arrows.meta}"
        r"\begin{document}Before.\input{figure.tex}After.\end{document}"
    )
    for file in ("figure.tex", "paper.tex"):
        ran = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", file],
            cwd=tmp_path, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-2000:]
        assert "Missing character" not in ran.stdout
        assert (tmp_path / file).with_suffix(".pdf").stat().st_size > 3000


def test_formulas_are_mathematics():
    written = source(scene(draw("gru", view="folded")))
    assert r"$\sigma (W \, [h, x] + b)$" in written
    assert r"{$h_{t-1}$ \\ (1, 4)}" in written
    assert r"$\tilde{h}$" in written


@pytest.mark.parametrize(
    ("text", "latex"),
    [("h̃ₜ", r"$\tilde{h} _{t}$"), ("50 % of $x_1$", r"50 \% of \$x\_1\$"), ("é", "é"),
     ("中", r"\texttt{U+4E2D}"), ("a × b", r"a $\times$ b"), (r"\x{}", r"\textbackslash{}x\{\}")],
)  # fmt: skip
def test_nothing_in_a_text_is_a_command(text, latex):
    assert plain(text) == latex


@pytest.mark.parametrize("view", ["gradient", "attention"])
def test_what_is_no_boxes_and_wires_is_refused(view, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["graph", "lstm" if view == "gradient" else "attention", "--view", view,
              "-o", str(tmp_path / "x.tex")])  # fmt: skip
    assert "write a .pdf" in capsys.readouterr().err
