"""The gallery has every view of every layer, or says why there is none; and live pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minigrad.graph import VIEWS
from tutorials import gallery
from tutorials.build import contents
from tutorials.chapters import chapter, read
from tutorials.gallery import ALIVE, LAYERS, TRIED, build


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
    assert len(pages) == len(ALIVE) + len(TRIED)
    for text in ((tmp_path / page).read_text("utf-8") for page in pages):
        assert "const PROGRAMS = [(() =>" in text
        assert '"followed":true' in text  # masks and indices are computed too
        assert len(text) < 1_000_000
    for name, shown in (("LSTM", "cell"), ("LSTM", "gradient"), ("several-heads", "attention")):
        assert (tmp_path / f"{name}-{shown}.svg").exists()


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_first_page_of_the_site_leads_there(language):
    script = next(Path(gallery.__file__).parent.glob("02-*.py"))
    this = chapter(script, read(script), language)
    assert 'href="gallery/index.html"' in contents([this], language, with_gallery=True)
    assert "gallery" not in contents([this], language)
