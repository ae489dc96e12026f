"""Claims about the explorer, seen in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from browser import Site, needs_chromium

import minigrad as mg
from minigrad import nn, verify
from minigrad.graph import Graph, draw, trace, trace_target, unrolled
from minigrad.graph.drawing.palette import PALETTES
from minigrad.graph.drawing.words import lines, printable
from minigrad.graph.explorer.geometry import geometry
from minigrad.graph.explorer.page import as_script, page
from minigrad.graph.explorer.payload import payload
from minigrad.targets import resolve

MODELS = Path(__file__).with_name("whole_models.py")
NASTY = [
    "</script><script>document.title='broken'</script>",
    "${document.title='broken'}",
    "\"quotes' and `ticks` \\ and \\u003c",
    "line\nbreak\r\nand tab\t",
    "<img src=x onerror=\"document.title='broken'\"> &amp;",
    "\u202eעברית\u2028next\u2029",
    "x" * 10_000,
]


@cache
def recorded(target: str, steps: int = 3) -> Graph:
    return trace_target(resolve(target), steps)


@pytest.fixture
def site(browser, tmp_path) -> Iterator[Site]:
    opened = Site(browser, tmp_path)
    yield opened
    assert opened.errors == []
    asked = [url for url in opened.requests if not url.startswith("blob:")]  # made in the page
    assert all(url.startswith("file:") and url.endswith("explorer.html") for url in asked)


def _choose(tab, step, words):
    """Click the item of a step whose first line this is."""
    tab.evaluate("""([step, words]) => {
      const all = [...document.querySelectorAll('[data-item]:not([data-node])')];
      all.find((g) => g.querySelector('text')?.textContent === words &&
        g.getAttribute('aria-label').includes(`step ${step}`))
        .dispatchEvent(new MouseEvent('click', { bubbles: true }));
    }""", [step, words])  # fmt: skip


def _shown(tab, part):
    """The numbers in a section of the panel."""
    cells = tab.locator(f'.panel section[data-part="{part}"] td').all_inner_texts()
    if not cells:
        cells = tab.locator(f'.panel section[data-part="{part}"] .number').all_inner_texts()
    return [float(cell.replace("−", "-")) for cell in cells]


# The data


def test_nothing_in_the_data_can_end_the_script_element():
    text = as_script(NASTY)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == NASTY


def test_half_a_surrogate_pair_can_be_written():
    x = mg.Tensor(np.ones(2), requires_grad=True, name="half \ud800")
    text = page(trace(np.tanh(x), title="half \ud800"))
    assert "<title>half  · minigrad" in text
    assert text.encode().count(b"half \\ud800") >= 2


@needs_chromium
def test_without_scripts_the_page_has_the_view_that_was_asked_for_and_the_others(browser, tmp_path):
    path = tmp_path / "cell.html"
    picture = draw("lstm", path, steps=20, view="cell")
    assert path.stat().st_size < 1_000_000
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(path.as_uri())
    stills = tab.locator("details.still")
    assert stills.nth(0).get_attribute("data-view") == "cell"
    assert stills.nth(0).locator("svg text", has_text="tanh").first.is_visible()
    assert picture.svg in path.read_text()
    names = {still.get_attribute("data-view") for still in stills.all()}
    assert names >= {"unrolled", "folded", "gradient", "cell"}
    assert stills.locator("visible=true").locator("svg").count() == len(names)
    tab.locator("summary", has_text="gradient:").click()
    assert tab.locator('[data-view="gradient"] svg text', has_text="25 steps").count() == 0
    assert tab.locator('[data-view="gradient"] svg text', has_text="15 steps").first.is_visible()
    context.close()


def test_steps_are_placed_one_like_the_other():
    placed = geometry(recorded("lstm", 12))
    lefts = np.diff([placed.frames[step][0] for step in range(12)])
    np.testing.assert_allclose(lefts, lefts[0], atol=0.1)
    for key, (x, y, w, h) in placed.boxes.items():
        if key.step is not None:
            first = placed.boxes[key._replace(step=0)]
            np.testing.assert_allclose((y, w, h), first[1:], atol=0.1)
            np.testing.assert_allclose(x - first[0], key.step * lefts[0], atol=0.5)


def test_the_page_does_not_repeat_what_steps_have_in_common():
    data = payload(recorded("lstm", 100))
    assert len(data["steps"]) == 100
    assert len(data["templates"]) <= 4


def test_layers_over_each_other_and_outputs_of_every_step_are_placed_at_every_step(rng):
    found = []
    for steps in (30, 40):
        layer = nn.GRU(2, 3, num_layers=2, bidirectional=True, fused=False, rng=0)
        x = mg.Tensor(rng.normal(size=(1, steps, 2)), requires_grad=True, name="x")
        data = payload(trace((layer(x)[0] ** 2).mean()))
        assert len(data["steps"]) == steps
        lefts = np.diff([step["x"] for step in data["steps"]])
        assert np.unique(lefts.round(1)).size <= 3  # more where lines from outside go through
        found.append(len(data["templates"]))
    assert found[0] == found[1] < 10  # they do not grow with the number of steps


def test_steps_that_are_not_alike_are_all_there():
    x = mg.Tensor(np.ones(2), requires_grad=True, name="h")
    y = x
    for t in range(12):
        with mg.step(t):
            y = np.tanh(y) if t % 2 else np.exp(y) * 0.1
    data = payload(trace(y))
    assert [step["t"] for step in data["steps"]] == list(range(12))
    assert len(data["templates"]) > 2


def test_partials_are_the_derivatives_that_calculus_gives():
    x = mg.Tensor(np.array([0.5, -2.0]), requires_grad=True, name="x")
    data = payload(trace(np.tanh(x) * 3.0))
    partials = {data["kinds"][n["kind"]]["primitive"]: n.get("partials") for n in data["nodes"]}
    np.testing.assert_allclose(partials["tanh"], [1 / np.cosh([0.5, -2.0]) ** 2], rtol=1e-6)
    np.testing.assert_allclose(partials["multiply"], [[3, 3], np.tanh([0.5, -2.0])], rtol=1e-6)


def test_a_wrong_rule_is_shown_as_failed(planted):
    with planted("tanh", vjps=(lambda g, y, x: g * (1 - y),)):
        data = payload(recorded("tanh"))
    assert not all(check["passed"] for check in data["verdicts"]["tanh"])


def test_the_page_is_written_from_draw(tmp_path):
    draw("rnn", tmp_path / "rnn.html", steps=2, title="my title")
    text = (tmp_path / "rnn.html").read_text("utf-8")
    assert "<title>my title · minigrad</title>" in text
    assert not re.search(r"(src|href)=", text)


def test_scripts_and_styles_are_files_of_the_package():
    folder = Path(__file__).parents[2] / "minigrad" / "graph" / "explorer"
    assert "minigrad.graph.explorer = *.js, *.css" in (folder.parents[2] / "setup.cfg").read_text()
    script = page(recorded("tanh"))
    for file in (*folder.glob("*.js"), *folder.glob("*.css")):
        assert file.read_text("utf-8").splitlines()[0] in script
        assert max(map(len, file.read_text("utf-8").splitlines())) < 200  # nothing minified


# The page in a browser


@needs_chromium
@pytest.mark.parametrize("target", ["rnn", "lstm", "gru", "attention", f"{MODELS}:translation"])
def test_labels_stay_in_their_boxes_and_no_two_boxes_overlap(site, target):
    with site.open(recorded(target)) as tab:
        groups = tab.evaluate("""() => [...document.querySelectorAll('[data-item]')].map((g) => {
          const box = (e) => { const r = e.getBoundingClientRect();
            return [r.left, r.top, r.right, r.bottom]; };
          return [box(g.querySelector('.box')), [...g.querySelectorAll('text')].map(box)];
        })""")  # fmt: skip
        assert len(groups) >= len(unrolled(recorded(target)).items)
        for box, texts in groups:
            for text in texts:
                assert text[0] >= box[0] - 0.5
                assert text[2] <= box[2] + 0.5
                assert text[1] >= box[1] - 3  # a line's box is taller than its letters
                assert text[3] <= box[3] + 3
        for i, (a, _) in enumerate(groups):
            for b, _ in groups[i + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@needs_chromium
def test_every_step_has_the_geometry_of_the_first_shifted(site):
    with site.open(recorded("lstm", 6), viewport={"width": 3000, "height": 768}) as tab:
        steps = tab.evaluate("""() => [...document.querySelectorAll('[data-step]')].map((step) =>
          [document.querySelector(`[data-frame="${step.dataset.step}"]`),
           ...step.querySelectorAll('.box')].map((e) =>
            ['x', 'y', 'width', 'height'].map((k) => Number(e.getAttribute(k)))))""")
    assert len(steps) == 6
    first = np.array(steps[0])
    for number, step in enumerate(steps):
        shift = np.array(step) - first
        np.testing.assert_allclose(shift[:, 0], shift[0, 0], atol=1)
        np.testing.assert_allclose(shift[:, 1:], 0, atol=1)
        assert (shift[0, 0] > 0) == (number > 0)


@needs_chromium
@pytest.mark.parametrize(("step", "name"), [(0, "f"), (1, "g"), (2, "h₂"), (1, "c₁"), (2, "tanh")])
def test_the_panel_s_numbers_are_the_engine_s(site, step, name):
    graph = recorded("lstm")
    view = unrolled(graph)
    item = next(i for i in view.items if i.step == step and lines(i, view)[0] == name)
    node = graph.nodes[item.nodes[-1]]
    with site.open(graph) as tab:
        _choose(tab, step, name)
        np.testing.assert_allclose(_shown(tab, "value"), node.value.ravel(), rtol=1e-3)
        np.testing.assert_allclose(_shown(tab, "gradient"), node.gradient.ravel(), rtol=1e-3)
        assert tab.inner_text('[data-part="shape"]') == str(node.shape)
        mean = tab.inner_text('[data-part="gradient"] [data-part="mean"]').replace("−", "-")
        np.testing.assert_allclose(float(mean), node.gradient.mean(), rtol=1e-3)


@needs_chromium
def test_of_a_large_array_the_panel_shows_its_gist_and_a_small_heat_map(site, rng):
    a = rng.normal(size=(40, 30))
    x = mg.Tensor(a, requires_grad=True, name="x")
    with site.open(trace(np.tanh(x))) as tab:
        tab.keyboard.press("Tab")
        tab.locator("[data-item]").first.click()
        found = [tab.inner_text(f'[data-part="value"] [data-part="{k}"]') for k in ("min", "max")]
        found = [float(x.replace("−", "-")) for x in found]
        np.testing.assert_allclose(found, [a.min(), a.max()], rtol=1e-3)
        assert tab.locator('[data-part="value"] td').count() == 64


@needs_chromium
def test_parameters_are_read_from_the_gate_that_uses_them(site):
    graph = recorded("lstm")
    weight = next(n for n in graph.nodes if n.kind == "parameter" and n.scope[-1][1] == "f")
    with site.open(graph) as tab:
        _choose(tab, 1, "f")
        link = tab.locator('.panel section[data-part="parameters"] button').first
        assert link.inner_text() == "weight (4, 7)"
        link.click()
        assert tab.inner_text(".panel h2") == "weight"
        assert tab.inner_text(".panel .where").startswith("parameter · ")
        assert "step" not in tab.inner_text(".panel .where")  # all of them share it
        np.testing.assert_allclose(_shown(tab, "value"), weight.value.ravel(), rtol=1e-3)
        np.testing.assert_allclose(_shown(tab, "gradient"), weight.gradient.ravel(), rtol=1e-3)
        assert tab.get_attribute(".chosen", "aria-label").startswith("f ")
        assert tab.evaluate("document.activeElement.className") == "panel"
        tab.select_option("header select", "es")
        assert tab.inner_text(".panel .where").startswith("parámetro · ")


@needs_chromium
def test_what_has_no_formula_is_said_in_words(site, rng):
    x = mg.Tensor(rng.normal(size=(2, 4)), requires_grad=True, name="x")
    with site.open(trace(nn.LayerNorm(4)(x))) as tab:
        tab.locator("[data-item]").last.click()
        assert "(x − mean) / √(variance + eps)" in tab.inner_text('[data-part="formula"]')
        assert "the judges say" in tab.inner_text('[data-part="derivative"]')
    with site.open(trace(x.sum())) as tab:
        tab.locator("[data-item]").last.click()
        assert "The sum along axis" in tab.inner_text('[data-part="formula"]')
        assert "moves or adds up" in tab.inner_text('[data-part="derivative"]')


@needs_chromium
@pytest.mark.parametrize("entry", [0, 2])
def test_numbers_are_put_into_sympy_s_derivative(site, entry):
    graph = recorded("lstm")
    view = unrolled(graph)
    item = next(i for i in view.items if i.step == 1 and lines(i, view)[0] == "tanh")
    y = graph.nodes[item.nodes[-1]].value.ravel()[entry]
    with site.open(graph) as tab:
        _choose(tab, 1, "tanh")
        if entry:
            tab.select_option('[data-part="entry"]', str(entry))
        assert tab.locator('[data-part="derivative"] math').count() == 2
        text = tab.text_content('[data-part="derivative"] [data-part="result"]')
        numbers = tab.text_content('[data-part="derivative"] .numbers')
    np.testing.assert_allclose(float(text.replace("−", "-")), 1 - y**2, rtol=1e-3)
    assert f"{abs(y):.4g}" in numbers


@needs_chromium
@pytest.mark.parametrize(
    ("of", "says"),
    [(np.square, "=2(0.5)=1"), (np.tanh, "=1−0.46212=0.7864"), (np.reciprocal, "=−10.52=−4")],
)
def test_a_number_beside_another_factor_stands_in_brackets(site, of, says):
    with site.open(trace(of(mg.Tensor(0.5, requires_grad=True, name="x")))) as tab:
        tab.locator("[data-item]").last.click()
        text = tab.text_content('[data-part="derivative"] .numbers')
    assert "".join(text.split()) == says  # 2 x is not 20.5


@needs_chromium
@pytest.mark.parametrize(
    ("language", "words"),
    [("en-GB", "No backward() yet"), ("es-ES", "Aún no hay backward()")],
)
def test_without_a_backward_the_page_says_so_and_shows_no_zero(site, language, words):
    x = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
    with site.open(trace(np.tanh(x)), locale=language) as tab:
        assert words in tab.inner_text(".panel")
        tab.locator("[data-item]").first.click()
        assert words in tab.inner_text('[data-part="gradient"]')
        assert _shown(tab, "gradient") == []
        assert len(_shown(tab, "value")) == 2


@needs_chromium
def test_a_gradient_that_backward_did_not_keep_is_said_to_be_so(site):
    x = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
    y = np.tanh(x)
    y.sum().backward(retain_graph=True)
    with site.open(trace(y)) as tab:
        tab.locator("[data-item]").first.click()
        np.testing.assert_allclose(_shown(tab, "gradient"), 1 / np.cosh([1, 2]) ** 2, rtol=1e-3)
        tab.locator("[data-item]").last.click()
        assert "retain_grad()" in tab.inner_text('[data-part="gradient"]')
        assert _shown(tab, "gradient") == []


@needs_chromium
def test_the_language_can_be_changed_and_back(site):
    with site.open(recorded("rnn")) as tab:
        _choose(tab, 1, "h₁")
        english = tab.inner_text(".panel")
        tab.select_option("header select", "es")
        spanish = tab.inner_text(".panel")
        assert "Valor" in spanish
        assert tab.get_attribute("html", "lang") == "es"
        assert tab.get_attribute('[data-key="fit"]', "aria-label") == "Ajustar"
        tab.select_option("header select", "en")
        assert tab.inner_text(".panel") == english


def test_both_languages_have_the_same_sentences():
    words = Path(__file__).parents[2] / "minigrad" / "graph" / "explorer" / "words.js"
    english, spanish = words.read_text("utf-8").split("  es: {")
    key = r"\b(\w+):\s+\""
    assert set(re.findall(key, english)) == set(re.findall(key, spanish.split("\n};")[0]))


@needs_chromium
def test_what_the_judges_said_stands_in_the_panel(site):
    graph, checks = recorded("tanh"), verify.verify("tanh").checks
    with site.open(graph, checks=checks) as tab:
        assert "as a whole" in tab.inner_text(".panel")
        tab.locator("[data-item]").last.click()
        verdict = tab.inner_text('[data-part="judges"]')
        assert [verdict.count(judge) for judge in ("proof", "exact", "numeric")] == [1, 1, 1]
        assert verdict.count("✓ passed") == 3
    with site.open(recorded("rnn")) as tab:
        assert "those of the mean of the squares of the output" in tab.inner_text(".panel")
        assert "was not judged here: run minigrad verify" in tab.inner_text(".panel")


@needs_chromium
def test_backward_turns_every_arrow(site):
    read = """() => [...document.querySelectorAll('.arrows path')].map((p) => {
      const end = p.getPointAtLength(p.getTotalLength()), start = p.getPointAtLength(0);
      return [p.dataset.from, p.dataset.to, start.x, start.y, end.x, end.y]; })"""
    with site.open(recorded("lstm")) as tab:
        forward = tab.evaluate(read)
        tab.click('[data-key="backward"]')
        backward = tab.evaluate(read)
        assert tab.get_attribute('[data-key="backward"]', "aria-pressed") == "true"
    assert len(forward) == len(backward) == len(unrolled(recorded("lstm")).arrows)
    for one, other in zip(forward, backward, strict=True):
        assert one[:2] == other[1::-1]
        np.testing.assert_allclose(one[2:4], other[4:], atol=0.5)
        np.testing.assert_allclose(one[4:], other[2:4], atol=0.5)


@needs_chromium
def test_play_goes_through_every_operation_in_order_and_back(site):
    graph = recorded("rnn", 2)
    with site.open(graph) as tab:
        seen = []
        count = len(unrolled(graph).items)
        for _ in range(count):
            tab.click('[data-key="next"]')
            seen.append(int(tab.get_attribute(".chosen", "data-item")))
        assert len(set(seen)) == count
        assert tab.locator(".todo").count() == 0
        tab.click('[data-key="next"]')
        assert "The end" in tab.inner_text(".status")
        back = [seen[-1]]
        for _ in range(count - 1):
            tab.click('[data-key="previous"]')
            back.append(int(tab.get_attribute(".chosen", "data-item")))
        assert back == seen[::-1]
        tab.click('[data-key="play_back"]')
        assert tab.get_attribute('[data-key="backward"]', "aria-pressed") == "true"
        assert tab.get_attribute('[data-key="play_back"]', "aria-label") == "Pause"


@needs_chromium
def test_play_brings_what_comes_in_where_it_is_read(site):
    with site.open(recorded("lstm", 12)) as tab:
        heard = []
        for _ in range(16):
            tab.click('[data-key="next"]')
            heard.append(tab.inner_text(".status").removeprefix("Now: ").split(" ")[0].rstrip(","))
        assert heard[:4] in (["h₋₁", "x₀", "[h₋₁", "f"], ["x₀", "h₋₁", "[h₋₁", "f"])
        assert heard[heard.index("c₋₁") + 1] == "×"
        assert heard.index("x₁") > heard.index("c₀") > heard.index("c₋₁")


@needs_chromium
def test_steps_and_gates_fold_and_expand(site):
    with site.open(recorded("lstm")) as tab:
        before = tab.locator("[data-item]").count()
        width = tab.locator('[data-frame="1"]').get_attribute("width")
        tab.locator('[data-fold="1"]').click()
        assert tab.locator("[data-item]").count() == before - 13
        assert float(tab.locator('[data-frame="1"]').get_attribute("width")) < float(width) / 2
        assert tab.locator('[data-fold="1"]').get_attribute("aria-expanded") == "false"
        tab.locator('[data-fold="1"]').click()
        assert tab.locator("[data-item]").count() == before
        _choose(tab, 0, "f")
        tab.click('[data-key="open"]')
        inner = tab.locator("[data-node][data-item]").all()
        assert len(inner) >= 4
        inner[2].click()
        assert tab.inner_text(".panel h2").endswith("matmul")
        tab.click('[data-key="fold_all"]')
        assert tab.locator("[data-item]").count() == 2  # the states that come in


@needs_chromium
@pytest.mark.parametrize("target", ["lstm", f"{MODELS}:translation"])
def test_a_folded_step_is_a_small_cell_with_its_name_and_no_line_ends_in_the_open(site, target):
    with site.open(recorded(target)) as tab:
        tab.click('[data-key="fold_all"]')
        cells = tab.evaluate("""() => [...document.querySelectorAll('.folded')].map((g) => [
          g.querySelector('text').textContent, [...g.querySelectorAll('.frame')].length])""")
        assert len(cells) >= 3
        assert all(name and count for name, count in cells)
        loose = tab.evaluate("""() => {
          const box = (e) => { const b = e.getBBox();
            return [b.x - 2, b.y - 2, b.x + b.width + 2, b.y + b.height + 2]; };
          const boxes = [...document.querySelectorAll('.folded .frame, .item > .box')].map(box);
          const inside = (p) => boxes.some((b) => b[0] <= p.x && p.x <= b[2]
            && b[1] <= p.y && p.y <= b[3]);
          return [...document.querySelectorAll('.arrows path')].filter((path) =>
            ![0, path.getTotalLength()].every((at) => inside(path.getPointAtLength(at))))
            .map((path) => path.outerHTML); }""")  # fmt: skip
        assert loose == []


@needs_chromium
def test_layers_and_directions_have_names_also_from_far_away(site, rng):
    layer = nn.LSTM(2, 3, num_layers=2, bidirectional=True, fused=False, rng=0)
    x = mg.Tensor(rng.normal(size=(1, 3, 2)), requires_grad=True, name="x")
    with site.open(trace((layer(x)[0] ** 2).mean())) as tab:
        text = tab.text_content("svg.graph")
        for name in ("layer 0", "layer 0, reverse", "layer 1", "layer 1, reverse"):
            assert name in text
        for scale in (0.3, 0.1):
            tab.evaluate("""(scale) => {
              const { drawing } = document.querySelector('.explorer').explorer;
              drawing.zoom(scale / drawing.scale); }""", scale)  # fmt: skip
            shown = tab.locator("svg.graph text").all()
            assert len(shown) >= 5
            assert max(e.bounding_box()["height"] for e in shown) > 7
        assert "LSTM" in tab.text_content("svg.graph")


@needs_chromium
def test_the_figure_is_downloaded_whole_as_svg_and_png(site, browser, tmp_path):
    with site.open(recorded("lstm", 9), color_scheme="dark") as tab:
        for ending in ("svg", "png"):
            with tab.expect_download() as found:
                tab.click(f'[data-key="{ending}"]')
            assert found.value.suggested_filename == f"LSTMCell.{ending}"
            found.value.save_as(tmp_path / f"lstm.{ending}")
        text = (tmp_path / "lstm.svg").read_text("utf-8")
        assert [text.count(f"t = {t}<") for t in range(9)] == [1] * 9
        assert (tmp_path / "lstm.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    alone = browser.new_page()  # it needs no page around it
    alone.goto((tmp_path / "lstm.svg").as_uri())
    fills = alone.evaluate("[...document.querySelectorAll('.layer > .box')].map((e) => "
                           "getComputedStyle(e).fill.match(/[0-9]+/g).map(Number))")  # fmt: skip
    alone.close()
    layer = PALETTES["dark"].kinds["layer"]["fillcolor"]
    assert len(fills) == 36
    assert {"#" + "".join(f"{c:02x}" for c in fill) for fill in fills} == {layer.lower()}


@needs_chromium
def test_search_finds_weights_and_gates_by_what_people_call_them(site):
    with site.open(recorded("lstm")) as tab:
        for typed in ("W_f", "b_f", "forget", "olvido"):
            tab.fill('input[type="search"]', typed)
            assert tab.inner_text(".panel h2") == "f"
            assert tab.inner_text(".status") == "1 of 3"
        assert "forget gate" in tab.inner_text(".panel .where")
        tab.select_option("header select", "es")
        assert "puerta de olvido" in tab.inner_text(".panel .where")


@needs_chromium
def test_the_legend_says_what_colours_mean(site):
    with site.open(recorded("lstm")) as tab:
        legend = '.panel [data-part="legend"]'
        assert "layer" in tab.inner_text(legend)
        _choose(tab, 1, "f")
        tab.get_by_label("Colour").select_option("gradient")
        assert "10⁻⁸" in tab.inner_text(legend)


@needs_chromium
def test_a_pointer_that_rests_on_a_box_is_told_its_numbers(site):
    with site.open(recorded("lstm")) as tab:
        tab.locator(".item.layer").first.hover()
        tip = tab.locator(".item.layer > title").first.text_content()
        assert tip.startswith("f ")
        assert "Gradient ∂L/∂value: " in tip


@needs_chromium
def test_the_focus_stays_in_the_panel_while_play_goes_on(site):
    with site.open(recorded("lstm")) as tab:
        _choose(tab, 1, "tanh")
        tab.locator('[data-part="entry"]').focus()
        tab.evaluate("document.querySelector('.explorer').explorer.panel.refresh()")
        assert tab.evaluate("document.activeElement.dataset.part") == "entry"
        for _ in range(12):
            tab.evaluate("document.querySelector('.explorer').explorer.advance(1)")
            assert tab.evaluate("document.activeElement.closest('.panel') !== null")


@needs_chromium
def test_from_a_folded_step_the_arrow_keys_go_on_to_the_next(site):
    with site.open(recorded("lstm", 30)) as tab:
        _choose(tab, 1, "tanh")
        tab.keyboard.press("f")
        assert tab.evaluate("document.activeElement.dataset.fold") == "1"
        tab.keyboard.press("ArrowRight")
        assert "step 2" in tab.inner_text(".panel .where")


@needs_chromium
def test_search_finds_and_shows(site):
    with site.open(recorded("gru", 50)) as tab:
        tab.fill('input[type="search"]', "t = 41")
        assert "1 of" in tab.inner_text(".status")
        assert "step 41" in tab.inner_text(".panel")
        assert tab.locator(".chosen").count() == 1
        tab.keyboard.press("Enter")
        assert "2 of" in tab.inner_text(".status")
        for typed in ("h41", "h_41", "H₄₁"):
            tab.fill('input[type="search"]', typed)
            assert tab.inner_text(".panel h2") == "h₄₁"
        tab.fill('input[type="search"]', "weight")
        assert tab.inner_text(".status") == "1 of 150"  # three gates at fifty steps
        tab.select_option("header select", "es")
        tab.fill('input[type="search"]', "paso 12")
        assert "paso 12" in tab.inner_text(".panel .where")
        tab.select_option("header select", "en")
        tab.fill('input[type="search"]', "no such thing")
        assert tab.inner_text(".status") == "nothing found"


@needs_chromium
def test_the_data_of_a_long_sequence_are_deflated_and_read(site):
    graph = recorded("lstm", 200)
    text = page(graph)
    whole = len(as_script(payload(graph)))
    assert "data-packed" in text
    assert len(text) < whole / 2
    assert "data-packed" not in page(recorded("lstm", 2))
    with site.open(graph) as tab:
        shown = tab.evaluate("document.querySelector('.explorer').explorer.scene.data")
    assert shown == json.loads(json.dumps(payload(graph)))


@needs_chromium
def test_only_steps_in_sight_are_in_the_page(site):
    count = "document.querySelectorAll('*').length"
    with site.open(recorded("lstm", 200)) as tab:
        assert tab.evaluate(count) < 3000
        tab.evaluate("""() => { const s = document.querySelector('input[type=range]');
          s.value = 150; s.dispatchEvent(new Event('input')); }""")
        assert "t = 150" in tab.text_content("svg.graph")
        assert "t = 100" not in tab.text_content("svg.graph")
        assert tab.evaluate(count) < 3000
        for _ in range(14):  # from far away a step is one box
            tab.click('[data-key="out"]')
            assert tab.evaluate(count) < 3000
        tab.click('[data-key="fit"]')
        tab.hover("svg.graph")
        for _ in range(30):
            tab.mouse.wheel(900, 0)
        assert tab.evaluate(count) < 3000


@needs_chromium
def test_a_tall_graph_opens_large_enough_to_be_read_and_never_fills_the_page(site, rng):
    layer = nn.LSTM(2, 3, num_layers=2, bidirectional=True, fused=False, rng=0)
    x = mg.Tensor(rng.normal(size=(1, 30, 2)), requires_grad=True, name="x")
    count = "document.querySelectorAll('*').length"
    with site.open(trace((layer(x)[0] ** 2).mean())) as tab:
        heights = tab.evaluate("""() => [...document.querySelectorAll('.item text')]
          .map((e) => e.getBoundingClientRect().height)""")
        assert len(heights) > 50
        assert min(heights) > 4
        for _ in range(14):
            assert tab.evaluate(count) < 3000
            tab.click('[data-key="out"]')


@needs_chromium
def test_from_far_away_the_keyboard_still_comes_to_the_graph(site):
    with site.open(recorded("rnn", 40)) as tab:
        for _ in range(14):
            tab.click('[data-key="out"]')
        assert tab.locator("[data-item]").count() == 0
        for _ in range(40):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.matches('svg.graph')"):
                break
        tab.keyboard.press("ArrowRight")
        assert tab.locator(".chosen").count() == 1
        assert tab.get_attribute("svg.graph", "tabindex") == "-1"


# For everyone


@needs_chromium
@pytest.mark.parametrize("target", ["lstm", "attention"])
def test_every_item_is_reached_with_the_keyboard_and_has_role_and_name(site, target):
    with site.open(recorded(target, 2)) as tab:
        nameless = tab.evaluate("""() =>
          [...document.querySelectorAll('[tabindex="0"], button, select, input, a')]
          .filter((e) => !e.ariaLabel && !e.labels?.length && !e.textContent.trim())
          .map((e) => e.outerHTML)""")  # fmt: skip
        assert nameless == []
        roles = tab.evaluate(
            "[...document.querySelectorAll('[data-item]')].map((g) => g.getAttribute('role'))"
        )
        assert set(roles) == {"button"}
        for _ in range(40):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.dataset.item !== undefined"):
                break
        total = tab.locator("[data-item]").count()
        seen, waiting = set(), []
        tab.keyboard.press("Home")
        start = tab.get_attribute(".chosen", "data-item")
        waiting.append(start)
        while waiting:
            now = waiting.pop()
            if now in seen:
                continue
            seen.add(now)
            for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
                tab.locator(f'[data-item="{now}"]').focus()
                tab.keyboard.press("Enter")
                if tab.locator(".inner").count():  # a second Enter opens a gate
                    tab.keyboard.press("Enter")
                tab.keyboard.press(key)
                assert tab.evaluate("document.activeElement.dataset.item") == tab.get_attribute(
                    ".chosen", "data-item"
                )
                waiting.append(tab.get_attribute(".chosen", "data-item"))
        assert len(seen) == total


CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => { const [r, g, b] = c.slice(0, 3).map((x) => { const s = x / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const box = e instanceof SVGElement ? [...e.children].find((c) => c.matches('rect')) : null;
      const own = e instanceof SVGElement ? 'none' : getComputedStyle(e).backgroundColor;
      const fill = box ? getComputedStyle(box).fill : own;
      if (fill !== 'none' && channels(fill)[3] !== 0) return channels(fill);
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !e.getClientRects().length || e.closest('option')) continue;
    const style = getComputedStyle(e);
    const ink = luminance(channels(e instanceof SVGElement ? style.fill : style.color));
    const paper = luminance(ground(e));
    found.push([(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), node.textContent]);
  }
  return found;
}"""  # fmt: skip


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("target", ["lstm", "attention"])
def test_contrast_is_enough_for_all_text(site, scheme, target):
    with site.open(recorded(target), color_scheme=scheme) as tab:
        tab.keyboard.press("Tab")
        for _ in range(3):  # some done, some still to come
            tab.click('[data-key="next"]')
        tab.locator(".layer").first.dispatch_event("click")
        tab.click('[data-key="open"]')
        found = tab.evaluate(CONTRAST)
    assert len(found) > 60
    assert min(found)[0] >= 4.5, min(found)


@needs_chromium
def test_a_dark_screen_is_printed_on_white_paper(site):
    ground = "getComputedStyle(document.body).backgroundColor"
    with site.open(recorded("rnn"), color_scheme="dark") as tab:
        assert tab.evaluate(ground) == "rgb(23, 24, 26)"
        tab.emulate_media(media="print", color_scheme="dark")
        assert tab.evaluate(ground) == "rgb(255, 255, 255)"
        assert min(tab.evaluate(CONTRAST))[0] >= 4.5


@needs_chromium
def test_nothing_moves_by_itself_for_those_who_ask_for_it(site):
    with site.open(recorded("rnn"), reduced_motion="reduce") as tab:
        assert tab.evaluate("document.getAnimations().length") == 0
        moving = tab.evaluate("""() => [...document.querySelectorAll('*')].filter((e) => {
          const s = getComputedStyle(e);
          return s.animationName !== 'none' || s.transitionDuration !== '0s';
        }).length""")
        assert moving == 0


@needs_chromium
@pytest.mark.parametrize("name", NASTY)
def test_names_stay_inert_and_legible(site, name):
    x = mg.Tensor(np.ones(2), requires_grad=True, name=name)
    graph = trace(np.tanh(x), title=name)
    with site.open(graph) as tab:
        assert tab.title() != "broken"
        assert tab.locator("img").count() == 0
        tab.locator("[data-item]").first.click()
        heading = tab.text_content(".panel h2")
        assert heading == printable(name)  # no override turns it or what follows round
        assert tab.locator(".panel").bounding_box()["width"] < 700
        assert tab.evaluate("document.documentElement.scrollWidth") <= 1366


@needs_chromium
def test_two_figures_on_a_page_do_not_clash(site):
    with site.open(recorded("rnn", 2), recorded("gru", 2)) as tab:
        ids = tab.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(ids) == len(set(ids))
        one, other = tab.locator(".explorer").all()
        other.locator("[data-item]").first.click()
        assert one.locator(".chosen").count() == 0
        assert other.locator(".chosen").count() == 1
        other.locator('[data-key="backward"]').click()
        assert one.locator('[data-key="backward"]').get_attribute("aria-pressed") == "false"
        assert [e.inner_text() for e in tab.locator("h1").all()] == ["RNNCell", "GRUCell"]
