"""The gallery has every view of every layer, or says why there is none; and live pages."""

from __future__ import annotations

import re

from minigrad.graph import VIEWS
from tutorials.gallery import ALIVE, LAYERS, build


def test_every_view_of_every_layer_is_there(tmp_path):
    page = build(tmp_path).read_text(encoding="utf-8")
    figures = re.findall(r"<figure>(.*?)</figure>", page, flags=re.DOTALL)
    assert len(figures) == len(LAYERS) * len(VIEWS)
    for figure in figures:
        (picture,) = re.findall(r'src="([^"]+)"', figure) or [None]
        if picture is None:
            assert re.search(r"<p>\w+: .+</p>", figure)
        else:
            assert (tmp_path / picture).read_text(encoding="utf-8").rstrip().endswith("</svg>")
    pages = re.findall(r'<a href="([^"]+-live\.html)">', page)
    assert len(pages) == len(ALIVE)
    assert all("const PROGRAMS = [(() =>" in (tmp_path / p).read_text("utf-8") for p in pages)
    for name, shown in (("LSTM", "cell"), ("LSTM", "gradient"), ("several-heads", "attention")):
        assert (tmp_path / f"{name}-{shown}.svg").exists()
