"""In every picture of the gallery, measured in a browser, words can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import CHROMIUM, FLAGS, needs_chromium

from minigrad import nn
from minigrad.graph import VIEWS, draw, svg
from tutorials.gallery import LAYERS, kind, recorded

SMALLEST = 9  # px, of letters at 100 %

# What is wrong in the one picture of the page, as lists of words.
FAULTS = """smallest => {
  const picture = document.querySelector("svg"), page = picture.getBoundingClientRect();
  const faults = [];
  const texts = [...picture.querySelectorAll("text")].filter(t => t.textContent.trim()).map(t => {
    const words = t.textContent, matrix = t.getScreenCTM();
    const from = words.search(/\\S/), to = words.trimEnd().length - 1;
    const first = t.getExtentOfChar(from), last = t.getExtentOfChar(to);
    const size = parseFloat(getComputedStyle(t).fontSize) * matrix.a;
    const at = x => new DOMPoint(x, t.y.baseVal[0].value).matrixTransform(matrix);
    const left = at(first.x), right = at(last.x + last.width);
    return { words: words.trim(), size, group: t.closest(".node, .cluster"),  // its letters' ink:
      left: left.x, right: right.x, top: left.y - 0.72 * size, bottom: left.y + 0.18 * size };
  });
  const meet = (a, b, by = 0) => a.left < b.right - by && b.left < a.right - by
    && a.top < b.bottom - by && b.top < a.bottom - by;
  const within = (a, b) => a.left > b.left - 0.5 && a.right < b.right + 0.5
    && a.top > b.top - 0.5 && a.bottom < b.bottom + 0.5;
  for (const [k, text] of texts.entries()) {
    if (text.size < smallest) faults.push(["small", text.words]);
    if (!within(text, page)) faults.push(["outside of the picture", text.words]);
    const shape = text.group?.querySelector(":scope ellipse, :scope polygon, :scope path");
    if (shape && !within(text, shape.getBoundingClientRect()))
      faults.push(["outside of its box", text.words]);
    for (const other of texts.slice(k + 1))
      if (meet(text, other, 1)) faults.push(["over each other", text.words, other.words]);
  }
  for (const line of picture.querySelectorAll(".edge path")) {
    const name = line.closest(".edge").querySelector("title").textContent;
    const near = texts.filter(text => meet(text, line.getBoundingClientRect()));
    if (!near.length) continue;
    const matrix = line.getScreenCTM(), length = line.getTotalLength(), crossed = new Set();
    for (let at = 0; at <= length; at += 2) {
      const { x, y } = line.getPointAtLength(at).matrixTransform(matrix);
      for (const text of near)
        if (x > text.left + 1 && x < text.right - 1 && y > text.top + 1 && y < text.bottom - 1)
          crossed.add(text.words);
    }
    for (const words of crossed) faults.push(["crossed", words, name]);
  }
  return [texts.length, faults];
}"""


@pytest.fixture(scope="module")
def measured():
    """Measures a picture: how many texts it has, and what is wrong with them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 768})

        def measure(text):
            page.set_content(f"<!doctype html><body style='margin: 0'>{text}</body>")
            return page.evaluate(FAULTS, SMALLEST)

        yield measure
        browser.close()


MODELS = Path(__file__).with_name("whole_models.py")
SOME = {
    **LAYERS,
    "both directions, twice": lambda: recorded(
        nn.GRU(3, 4, num_layers=2, bidirectional=True, **kind), steps=12
    ),
    "narrow steps": lambda: recorded(
        nn.RNN(3, 4, num_layers=3, bidirectional=True, **kind), steps=4
    ),
    "many steps": lambda: recorded(nn.LSTM(3, 4, bidirectional=True, **kind), steps=30),
    "from sentence to sentence": lambda: f"{MODELS}:translation",
    "from sentence to class": lambda: f"{MODELS}:classification",
    "looking back at every step": lambda: f"{MODELS}:looking_back",
}


@needs_chromium
@pytest.mark.parametrize("name", SOME)
def test_no_words_are_clipped_crossed_small_or_over_each_other(measured, name):
    what = SOME[name]()
    drawn = 0
    for view in VIEWS:
        try:
            picture = draw(what, view=view, title=f"{name}: {view}")
        except ValueError:  # a view that this layer does not have
            continue
        count, faults = measured(svg(picture))
        assert count
        assert not faults, view
        drawn += 1
    assert drawn >= 3


@needs_chromium
def test_the_measure_finds_what_is_wrong(measured):
    """Words too small, too long for their box, crossed, over each other, and cut off."""
    _, faults = measured(
        '<svg width="200" height="100"><g class="node"><rect/>'
        '<polygon points="10,10 40,10 40,30 10,30"/><text x="12" y="25">much too long</text></g>'
        '<text x="12" y="26">over</text><text x="180" y="80" font-size="8">cut off</text>'
        '<g class="edge"><title>a-&gt;b</title><path d="M10,60L90,60" stroke="black"/></g>'
        '<text x="20" y="65">through</text></svg>'
    )
    assert {fault[0] for fault in faults} == {
        "small", "outside of the picture", "outside of its box", "over each other", "crossed",
    }  # fmt: skip
