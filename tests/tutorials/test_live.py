"""Live figures: their numbers are the engine's, and they work by hand, by key and on a phone."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import nbformat
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.tutorial import live
from tests.graph.browser import CHROMIUM, FLAGS, needs_chromium
from tutorials.build import SITE, alive, live_script

Settings = dict[str, Any]
exact: Settings = {"rng": 3, "dtype": np.float64}
rng = np.random.default_rng(3)
FIGURES: dict[str, Callable[[], tuple[Settings, list[Settings], Callable[[Settings], Settings]]]]
FIGURES = {}
"""For each figure: what a chapter hands over, some settings, and the engine's numbers for them."""


def figure(make):
    FIGURES[make.__name__] = cache(make)  # random data, drawn once
    return make


@figure
def ball():
    rnn = nn.RNN(2, 5, output_size=2, **exact)

    def numbers(of):
        angle, place = np.radians(of["angle"]), np.array([of["x"], of["y"]])
        velocity, film = of["speed"] * np.array([np.cos(angle), np.sin(angle)]), []
        for _ in range(20):
            film.append(place)
            place = place + velocity
            velocity = np.where(abs(place) > 1, -velocity, velocity)
            place = np.where(abs(place) > 1, 2 * np.sign(place) - place, place)
        film = np.array(film)
        change, state = rnn(film[None, 8 - of["seen"] : 8])
        said = [film[7] + change.data[0, -1]]
        while len(said) < 12:
            change, state = rnn(said[-1][None, None], state)
            said.append(said[-1] + change.data[0, 0])
        off, stays = (np.linalg.norm(guess - film[-1]) for guess in (said[-1], film[7]))
        return {"film": film, "predicted": said, "off": off, "stays": stays}

    data = {"memory": rnn.cell.a, "output": rnn.output}
    throws = [{"seen": 8, "angle": 35, "speed": 0.2, "x": -0.6, "y": -0.5},
              {"seen": 1, "angle": 355, "speed": 0.3, "x": 0.95, "y": 0},
              {"seen": 3, "angle": 200, "speed": 0.1, "x": -0.95, "y": 0.95}]  # fmt: skip
    return data, throws, numbers


@figure
def tape():
    def numbers(of):
        values = {k: mg.Tensor(float(of[k]), requires_grad=True) for k in "wxbt"}
        w, x, b, t = values.values()
        values["p"] = w * x
        values["z"] = values["p"] + b
        values["y"] = np.tanh(values["z"])
        values["e"] = values["y"] - t
        values["L"] = values["e"] * values["e"]
        for value in values.values():
            value.retain_grad()
        values["L"].backward()
        slopes = {k: v.grad for k, v in values.items()}
        return {"values": {k: v.data for k, v in values.items()}, "slopes": slopes}

    return {}, [{"w": 0.5, "x": 2, "b": -0.5, "t": 1, "at": 10},
                {"w": -1.3, "x": 0.7, "b": 0, "t": -0.4, "at": 10}], numbers  # fmt: skip


@figure
def copies():
    x, target = rng.normal(size=(2, 6, 2))

    def numbers(of):
        weights = np.array([[of["W11"], of["W12"]], [of["W21"], of["W22"]]])
        states = []

        def loss(copies):
            h, total = np.zeros(2), 0.0
            states.clear()
            for t in range(6):
                h = np.tanh(copies[t] @ h + x[t])
                states.append(h.data)
                if t == 5 or not of["end"]:
                    total = total + np.square(h - target[t]).sum()
            return total

        value, shares = mg.value_and_grad(loss)(np.stack([weights] * 6))
        return {"states": states, "shares": shares, "loss": value, "gradient": shares.sum(0),
                "sizes": np.linalg.norm(shares, axis=(1, 2))}  # fmt: skip

    some = {"W11": 0.8, "W12": -0.4, "W21": 0.3, "W22": 0.6, "end": False}
    return {"x": x, "target": target}, [some, {**some, "W12": -1.5, "end": True}], numbers


@figure
def fading():
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    noise = rng.normal(0, 0.2, (30, 5))

    def numbers(of):
        def walk(h):
            states = []
            for x in noise:
                h = of["r"] * rotation @ h + x
                h = np.tanh(h) if of["bent"] else h
                states.append(h)
            return np.stack(states)

        sizes = [np.linalg.norm(J, 2) for J in mg.jacobian(walk)(np.zeros(5))]
        reach = next((k for k, size in enumerate(sizes) if size < 0.01), None)
        return {"sizes": sizes, "reach": reach}

    return {"rotation": rotation, "noise": noise}, [
        {"r": 0.9, "k": 10, "bent": True}, {"r": 1.6, "k": 30, "bent": True},
        {"r": 0.3, "k": 1, "bent": True}, {"r": 1.2, "k": 5, "bent": False},
    ], numbers  # fmt: skip


@figure
def belt():
    passing = rng.uniform(-1, 1, 12)

    def numbers(of):
        forget, take, output = of["gates"]
        c, kept, out = mg.Tensor(0.0, requires_grad=True), [], []
        for t, x in enumerate(passing):
            c = forget[t] * of["hold"] * c + take[t] * np.tanh(x)
            c.retain_grad()
            kept.append(c)
            out.append(output[t] * np.tanh(c.data))
        c.backward()
        return {"belt": [c.data for c in kept], "out": out, "slopes": [c.grad for c in kept],
                "solved": of["hold"] == 1 and forget[2] == 0}  # fmt: skip

    at = np.eye(12)
    solution = [1 - at[2], at[2], at[8]]
    gates = [rng.choice([0, 0.5, 1], 12) for _ in range(3)]
    gates[0][2] = 0.5
    return {"passing": passing}, [
        {"gates": [g.tolist() for g in gates], "hold": 0.8},
        {"gates": [g.tolist() for g in solution], "hold": 1},
    ], numbers  # fmt: skip


@figure
def hill():
    def cell_of(kind, of, **biases):
        cell = kind(1, 1, **exact)
        for gate in cell.gates:
            affine = getattr(cell, gate)
            affine.weight.data = 0 * affine.weight.data
            affine.bias.data = np.full(1, biases.get(gate, 0.0))
        new = getattr(cell, {"RNNCell": "a", "GRUCell": "h_tilde"}.get(kind.__name__, "g"))
        recurrent = {"RNNCell": of["f"], "GRUCell": 1.0}.get(kind.__name__, 0.0)
        new.weight.data = np.array([[recurrent, of["w"]]])
        return cell

    def numbers(of):
        kept = np.log(of["f"] / (1 - of["f"]))
        cells = {
            "RNN": cell_of(nn.RNNCell, of),
            "LSTM 1997": cell_of(nn.NoForgetLSTMCell, of, i=60),
            "LSTM": cell_of(nn.LSTMCell, of, f=kept, i=60),
            "coupled": cell_of(nn.CoupledLSTMCell, of, f=kept),
            "GRU": cell_of(nn.GRUCell, of, z=-kept, r=60),
        }
        series = {name: [] for name in cells}
        for name, cell in cells.items():
            state = None
            for t in range(2 * of["top"]):
                state = cell(np.full((1, 1), 1.0 if t < of["top"] else -1.0), state)
                series[name].append((state if name in ("RNN", "GRU") else state[1]).item())
        return {"series": series}

    return {}, [{"top": 12, "f": 0.95, "w": 0.5}, {"top": 40, "f": 0.5, "w": 2}], numbers


@figure
def plane():
    vectors = rng.normal(size=(6, 24))
    flat = rng.normal(size=(6, 2))

    def cosine(a, b):
        return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))

    def numbers(of):
        turned = np.radians(of["angle"])
        arrow = np.array([np.cos(turned), np.sin(turned)])
        given = [of[k] for k in "abc"]
        made = vectors[given[0]] - vectors[given[1]] + vectors[given[2]]
        near = [cosine(made, v) for v in vectors]
        found = max(set(range(6)) - set(given), key=lambda k: near[k])
        return {"cosines": [cosine(arrow, p) for p in flat], "near": near, "found": found}

    words = ["king", "queen", "man", "woman", "<b>", "aunt & uncle"]
    return {"words": words, "vectors": vectors, "flat": flat}, [
        {"angle": 30, "a": 0, "b": 2, "c": 3}, {"angle": 359, "a": 1, "b": 1, "c": 5},
    ], numbers  # fmt: skip


@figure
def writer():
    gru = nn.GRU(3, 4, output_size=12, **exact)
    embedding = nn.Embedding(12, 3, **exact)

    def numbers(of):
        scores, _ = gru(embedding(np.array([of["written"]])))
        p = mg.softmax(scores.data[0, -1] / of["temperature"], axis=-1)
        order = np.argsort(-p)[:10]
        return {"p": p, "top": [{"index": k, "word": f"w{k}", "p": p[k]} for k in order]}

    cell = gru.cell
    model = {"embedding": embedding.weight, "z": cell.z, "r": cell.r,
             "h_tilde": cell.h_tilde, "output": gru.output}  # fmt: skip
    data = {"model": model, "tokens": [f"w{k}" for k in range(12)], "start": [4]}
    return data, [{"temperature": 1, "written": [4]},
                  {"temperature": 0.1, "written": [4, 7, 7, 0, 11]}], numbers  # fmt: skip


@figure
def lock():
    keys, values = rng.normal(size=(4, 2)), [10, 20, 30, 40]

    def numbers(of):
        polar = [list(pair) for pair in of["others"]]
        polar[of["which"]] = [of["angle"], of["size"]]
        turned, size = np.radians([p[0] for p in polar]), np.array([p[1] for p in polar])
        queries = size[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)
        value = np.array(values, float)[:, None]
        context, weights = nn.scaled_dot_product_attention(queries, keys, value)
        return {"queries": queries, "scores": queries @ keys.T / np.sqrt(2), "weights": weights,
                "context": context[:, 0]}  # fmt: skip

    others = [[20, 2], [110, 2], [235, 2]]
    return {"keys": keys, "values": values}, [
        {"which": 0, "angle": 20, "size": 2, "others": others},
        {"which": 2, "angle": 300, "size": 6, "others": others},
    ], numbers  # fmt: skip


@figure
def heads():
    layer = nn.TransformerEncoderLayer(8, 2, 16, norm_first=True, dropout=0.0, **exact)
    layer.norm1.weight.data = rng.normal(size=8)
    layer.norm1.bias.data = rng.normal(size=8)
    x, places = rng.normal(size=(2, 5, 8))
    attention = layer.self_attn

    def numbers(of):
        rows = layer.norm1(x + places if of["places"] else x).data
        parts = np.split(rows @ attention.in_proj_weight.data.T + attention.in_proj_bias.data,
                         3, axis=-1)  # fmt: skip
        query, key, value = (part.reshape(5, 2, 4).swapaxes(0, 1) for part in parts)
        mask = nn.causal_mask(5) if of["mask"] == "causal" else None
        brought, weights = nn.scaled_dot_product_attention(query, key, value, mask)
        on = np.array([of["head0"], of["head1"]])[:, None, None]
        together = np.where(on, brought, 0).swapaxes(0, 1).reshape(5, 8)
        if on.all():  # then it is the layer's own
            whole, _ = attention(rows, attn_mask=None if mask is None else ~mask)
            np.testing.assert_allclose(attention.out_proj(together).data, whole.data, rtol=1e-12)
        return {"weights": weights, "output": attention.out_proj(together)}

    data = {
        "x": x, "places": places, "norm": layer.norm1, "heads": 2, "ask": 2,
        "attention": {"weight": attention.in_proj_weight, "bias": attention.in_proj_bias},
        "out": attention.out_proj, "words": ["the", "soup", "?", "was", "dull"],
    }  # fmt: skip
    return data, [
        {"head0": True, "head1": True, "mask": "none", "places": True},
        {"head0": False, "head1": True, "mask": "causal", "places": True},
        {"head0": True, "head1": True, "mask": "causal", "places": False},
    ], numbers  # fmt: skip


@figure
def digit():
    decoder = [nn.Linear(*sizes, **exact) for sizes in ((3, 5), (5, 7), (7, 64))]
    codes, spread = rng.normal(size=(10, 3)), np.array([0.5, 1.0, 2.0])

    def drawn(of, by):
        code = codes[of["digit"]].copy()
        code[of["entry"]] += by * spread[of["entry"]]
        return decoder[2](mg.relu(decoder[1](mg.relu(decoder[0](code))))).data

    def numbers(of):
        return {"pixels": drawn(of, of["move"]), "row": [drawn(of, by) for by in range(-3, 4)]}

    data = {"codes": codes, "spread": spread, "decoder": decoder}
    return (
        data,
        [{"digit": 3, "entry": 0, "move": 0}, {"digit": 9, "entry": 2, "move": -2.7}],
        (numbers),
    )


DIARY = """\
w = sigmoid(a*h + b*x + c)   # how much is worth writing
h = tanh(u*m + v*x)
m = m + w*(h - m)"""
CRAM = "s = 0.5*-s**2 - (exp(-x)/(2 + cos(k*s))) + sqrt(abs(x) + 1.5e-1)*relu(s - x)**k"


@figure
def equations():
    known = {"sigmoid": mg.sigmoid, "relu": mg.relu, "tanh": np.tanh, "exp": np.exp,
             "cos": np.cos, "sqrt": np.sqrt, "abs": np.abs}  # fmt: skip
    signal = {"pulse": lambda t: float(t == 2), "wave": lambda t: np.sin(t / 2)}

    def numbers(of):
        states = ["h", "m"] if of["text"] == DIARY else ["s"]
        values = {k: mg.Tensor(float(v), requires_grad=True) for k, v in of.items() if len(k) == 1}
        names = {**known, **values, **{s: mg.Tensor(0.0, requires_grad=True) for s in states}}
        series = {s: [] for s in states}
        for t in range(20):
            exec(of["text"], names | {"x": signal[of["signal"]](t)}, names)
            for s in states:
                names[s].retain_grad()
                series[s].append(names[s])
        names[states[-1]].backward()
        zero = np.zeros(())
        return {
            "states": {s: [v.data for v in line] for s, line in series.items()},
            "slopes": {s: [zero if v.grad is None else v.grad for v in line]
                       for s, line in series.items()},
            "gradient": {k: v.grad for k, v in values.items()}, "of": states[-1], "error": None,
        }  # fmt: skip

    weights = {"a": -1.3, "b": 0.4, "c": -0.5, "u": 0.9, "v": 2.0}
    return {"start": DIARY}, [
        {"text": DIARY, "signal": "pulse", **weights},
        {"text": DIARY, "signal": "wave", **weights, "u": -1.0},
        {"text": CRAM, "signal": "wave", "k": 1.7},
    ], numbers  # fmt: skip


PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def html(name: str) -> str:
    data, _, _ = FIGURES[name]()
    bundle = live(name, **data)._repr_mimebundle_()
    kinds = {"display_data": {"image/png": PIXEL}, "execute_result": json.loads(json.dumps(bundle))}
    (output,) = alive([nbformat.v4.new_output(kind, data) for kind, data in kinds.items()], name)
    return str(output.data["text/html"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    (folder / "live.js").write_text(live_script(), encoding="utf-8")
    style = "".join((SITE / f"{name}.css").read_text("utf-8") for name in ("colours", "style"))
    body = "".join(html(name) for name in FIGURES)
    for language in ("en", "es"):
        (folder / f"{language}.html").write_text(
            f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<style>{style}</style><main>{body}</main><script src="live.js"></script></html>',
            encoding="utf-8",
        )
    return folder


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, pages):
    """Opens the page; whatever goes wrong in it fails the test."""
    contexts, errors = [], []

    def open_page(language="en", **options):
        contexts.append(browser.new_context(**options))
        tab = contexts[-1].new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text))
        tab.goto((pages / f"{language}.html").as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not errors


def place(name: str) -> str:
    return f"document.querySelector('[data-figure={name}]').figure"


def compare(got: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        for key, value in expected.items():
            compare(got[key], value)
    elif isinstance(expected, str | bool) or expected is None:
        assert got == expected
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            compare(one, other)
    else:
        if isinstance(expected, list):
            expected = np.stack([np.asarray(getattr(e, "data", e)) for e in expected])
        expected = np.asarray(getattr(expected, "data", expected))
        np.testing.assert_allclose(np.array(got, float), expected, rtol=1e-9, atol=1e-13)


@pytest.fixture(scope="module")
def tab(browser, pages):
    """One page for all that only set figures and read their numbers."""
    opened = browser.new_page()
    opened.goto((pages / "en.html").as_uri())
    yield opened
    opened.close()


@needs_chromium
@pytest.mark.parametrize("name", FIGURES)
def test_its_numbers_are_the_engine_s(tab, name):
    _, some, expected = FIGURES[name]()
    for settings in some:
        got = tab.evaluate(f"s => {{ {place(name)}.set(s); return {place(name)}.numbers; }}",
                           settings)  # fmt: skip
        compare(got, expected(settings))


def test_each_chapter_has_its_figure_and_hands_over_what_it_needs():
    found = {}
    for script in sorted(SITE.parent.glob("[0-9]*.py")):
        calls = [
            node for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "live"
        ]  # fmt: skip
        ((name,), keywords) = next((call.args, call.keywords) for call in calls)
        found[name.value] = {keyword.arg for keyword in keywords}
    assert found == {name: set(make()[0]) for name, make in FIGURES.items()}


@needs_chromium
def test_without_the_script_the_still_picture_stands_there(browser, pages):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((pages / "en.html").as_uri())
    assert tab.locator(".still img").count() == len(FIGURES)
    assert all(image.is_visible() for image in tab.locator(".still img").all())
    context.close()


@needs_chromium
@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (360, "es"), (360, "en")])
def test_it_fits_the_screen_and_shows_no_word_of_the_other_language(opened, width, language):
    tab = opened(language, viewport={"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert not any(image.is_visible() for image in tab.locator(".still img").all())
    outside = """
        [...document.querySelectorAll(".picture > svg")].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll("text")].filter(text => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 2 || box.right > frame.right + 2
                || box.top < frame.top - 2 || box.bottom > frame.bottom + 2;
          }).map(text => text.textContent);
        })"""
    assert tab.evaluate(outside) == []
    shown = tab.locator("main").inner_text()
    assert ("temperatura" in shown) == (language == "es")
    assert ("temperature" in shown) == (language == "en")


@needs_chromium
def test_every_control_is_named_and_worked_by_the_keyboard(opened):
    tab = opened()
    for name in FIGURES:
        figure = tab.locator(f"[data-figure={name}]")
        for control in figure.locator("input, select, textarea, button").all():
            assert control.evaluate("c => (c.labels?.[0] ?? c).innerText || c.ariaLabel")
        before = tab.evaluate(f"JSON.stringify({place(name)}.settings)")
        first = figure.locator("input").first
        first.focus()
        if first.get_attribute("type") == "checkbox":
            tab.keyboard.press("Space")
        else:
            for _ in range(2):
                tab.keyboard.press("ArrowLeft")
        assert tab.evaluate(f"JSON.stringify({place(name)}.settings)") != before
    tab.locator("[data-figure=belt] .grid button").nth(2).focus()
    tab.keyboard.press("Space")
    assert tab.evaluate(f"{place('belt')}.settings.gates[0][2]") == 0.5
    assert tab.evaluate("document.activeElement.ariaLabel") == "forget, step 3: 0.5"


def pulled_by_mouse(tab, start, end):
    tab.mouse.move(*start)
    tab.mouse.down()
    tab.mouse.move(*end, steps=3)
    tab.mouse.up()
    tab.mouse.move(*start)  # released: nothing moves any more


def pulled_by_finger(tab, start, end):
    touch = partial(tab.context.new_cdp_session(tab).send, "Input.dispatchTouchEvent")
    for kind, share in (("touchStart", 0.0), *(("touchMove", k / 8) for k in range(1, 9))):
        x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
        touch({"type": kind, "touchPoints": [{"x": x, "y": y}]})
        tab.wait_for_timeout(20)  # a scroll would begin between two of them
    touch({"type": "touchEnd", "touchPoints": []})


@needs_chromium
@pytest.mark.parametrize("pull", [pulled_by_mouse, pulled_by_finger])
@pytest.mark.parametrize(
    ("name", "settings"), [("ball", "xy"), ("plane", ["angle"]), ("lock", ["angle", "size"])]
)
def test_a_handle_is_pulled_by_mouse_or_finger(opened, name, settings, pull):
    tab = opened(has_touch=pull is pulled_by_finger, viewport={"width": 390, "height": 700})
    handle = tab.locator(f"[data-figure={name}] [data-handle]")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = tab.evaluate(f"({{ ...{place(name)}.settings, scrolled: scrollY }})")
    pull(tab, (x, y), (x + 30, y - 40))
    after = tab.evaluate(f"({{ ...{place(name)}.settings, scrolled: scrollY }})")
    assert all(after[key] != before[key] for key in settings)
    assert after["scrolled"] == before["scrolled"]
    box = handle.bounding_box()
    assert box["x"] + box["width"] / 2 != x and box["y"] + box["height"] / 2 < y - 5


@needs_chromium
def test_the_tape_is_run_forward_and_back(opened):
    tab = opened()
    figure = tab.locator("[data-figure=tape]")
    for count in range(10):
        assert figure.locator("tr.here").count() == (count > 0)
        figure.get_by_role("button", name="one operation").click()
    assert "Done: δw = −1.69" in figure.inner_text()
    figure.get_by_role("button", name="back", exact=True).click()
    assert "z passes on: δp += −0.846 · 1, δb += −0.846 · 1." in figure.inner_text()
    figure.get_by_role("button", name="start again").click()
    assert figure.locator("tr").nth(5).inner_text().split() == ["p", "w·x"]


@needs_chromium
def test_the_task_of_the_belt_can_be_solved(opened):
    tab = opened()
    figure = tab.locator("[data-figure=belt]")
    wanted = [[t != 2 for t in range(12)], [t == 2 for t in range(12)], [t == 8 for t in range(12)]]
    for row, line in enumerate(wanted):
        for column, value in enumerate(line):
            button = figure.locator(".grid > div").nth(row).locator("button").nth(column)
            while button.inner_text() != str(int(value)):
                button.click()
    assert "Done" in figure.inner_text()


@needs_chromium
def test_the_model_writes_the_same_again_from_the_start(opened):
    tab = opened()
    figure = tab.locator("[data-figure=writer]")
    said = []
    for _ in range(2):
        figure.get_by_role("button", name="ten words").click()
        said.append(figure.locator(".said").inner_text())
        figure.get_by_role("button", name="start again").click()
    assert said[0] == said[1] and len(said[0].split()) == 12


@needs_chromium
def test_a_query_keeps_its_place_while_another_is_turned(opened):
    tab = opened()
    choose = tab.locator("[data-figure=lock] select")
    tab.evaluate(f"{place('lock')}.set({{ angle: 77 }})")
    choose.select_option("1")
    assert tab.evaluate(f"{place('lock')}.settings.angle") == 110
    choose.select_option("0")
    assert tab.evaluate(f"{place('lock')}.settings.angle") == 77


WRONG = {
    "h = tanh(h": "a ) is missing",
    "h = h +": "breaks off",
    "h = tan(h)": "there is no function “tan”",
    "h = toString(h)": "there is no function “toString”",
    "tanh(h)": "expected name = formula",
    "h = h $ 2": "“$” is not expected there",
    "h = 2 h": "“h” is not expected there",
    "y = 2*x": "no state",
    "": "no state",
}


@needs_chromium
def test_an_equation_that_is_not_understood_is_told_so(opened):
    figure = opened().locator("[data-figure=equations]")
    for text, said in WRONG.items():
        figure.locator("textarea").fill(text)
        assert said in figure.locator(".said").inner_text()
    figure.locator("textarea").fill("h = tanh(weight*h + x)")
    assert figure.locator("input[type=range]").count() == 1
    assert "∂h/∂weight" in figure.locator(".said").inner_text()


@needs_chromium
def test_words_that_look_like_markup_are_words(tab):
    picture = tab.locator("[data-figure=plane] svg")
    assert "<b>" in picture.text_content()
    assert picture.locator("b").count() == 0
