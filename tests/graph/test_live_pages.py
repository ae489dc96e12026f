"""A live page's numbers are the engine's, whatever its reader changes."""

from __future__ import annotations

import json
import re
from functools import cache

import numpy as np
import pytest
from browser import Site, needs_chromium
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, verify
from minigrad.cli import main
from minigrad.graph import Graph, draw, trace, trace_target
from minigrad.graph.explorer import followed
from minigrad.graph.explorer.live import live
from minigrad.targets import resolve, target_of
from tests.compile.test_compiled import programs

pytestmark = needs_chromium
CELLS = sorted(
    name for name, kind in vars(nn).items()
    if isinstance(kind, type) and issubclass(kind, nn.Cell)
    and kind not in (nn.Cell, nn.ScanCell)
)  # fmt: skip
WHOLE = ["lstm", "gru", "attention", "multi-head", "cross-attention", "encoder", "decoder",
         "layer-norm", "cross-entropy", "lstm-layernorm", "conv2d", "selective-ssm"]  # fmt: skip


@pytest.fixture(scope="module")
def blank(browser):
    return browser.new_page()


@pytest.fixture
def site(browser, tmp_path):
    opened = Site(browser, tmp_path)
    yield opened
    assert opened.errors == []
    assert all(url.startswith("file:") for url in opened.requests)


def computed(tab, graph, changes=None, held=None):
    """Value and gradient of every node by the program alone, and L."""
    made = live(graph)
    leaves = dict(leaf[:2] for leaf in made.leaves.values())
    for node, array in (changes or {}).items():
        leaves[made.leaves[node][0]] = np.ravel(array).tolist()
    found = tab.evaluate(f"""() => {{
      const program = {made.script.text}, held = [], fixed = {json.dumps([*(held or {}).items()])};
      for (const [place, x] of {json.dumps([*leaves.items()])}) program.arrays[place].set(x);
      for (const [node, x] of fixed) held[node] = Float64Array.from(x);
      program.run(held);
      const read = (place) => (place === null ? null : [...program.arrays[place]].map(String));
      return [{json.dumps([[n[0], n[1]] for n in made.nodes])}.map((pair) => pair.map(read)),
              read({json.dumps(made.loss)})];
    }}""")
    nodes, loss = found
    arrays = [[None if x is None else _floats(x) for x in pair] for pair in nodes]
    return arrays, None if loss is None else _floats(loss)[0]


def _floats(texts):
    return np.array([float(x.replace("Infinity", "inf")) for x in texts])


def equal(arrays, graph: Graph):
    """Every value and gradient of a graph, to twelve digits of the largest entry."""
    assert len(arrays) == len(graph.nodes)
    for node, pair in zip(graph.nodes, arrays, strict=True):
        for got, expected in zip(pair, (node.value, node.gradient), strict=True):
            assert (got is None) == (expected is None), node
            if expected is not None:
                expected = np.asarray(expected, float).ravel()
                size = 1 + np.max(np.abs(expected[np.isfinite(expected)]), initial=0)
                np.testing.assert_allclose(got / size, expected / size, rtol=0, atol=1e-12)


@cache
def recorded(target: str, steps: int = 3) -> Graph:
    return trace_target(resolve(target), steps)


@pytest.mark.parametrize("name", CELLS)
def test_every_value_and_gradient_of_every_cell(blank, name):
    graph = trace_target(resolve(f"minigrad.nn:{name}"), 3)
    arrays, loss = computed(blank, graph)
    equal(arrays, graph)
    assert loss is not None


@pytest.mark.parametrize("name", WHOLE)
def test_every_value_and_gradient_of_layers(blank, name):
    equal(computed(blank, recorded(name))[0], recorded(name))


def of_function(function, x, y):
    given = [mg.Tensor(a, requires_grad=True, name=n) for n, a in (("x", x), ("y", y))]
    output = function(*given)
    return trace(output, gradients_of=output)


def masks(graph):
    return [node.value for node in graph.nodes if node.value.dtype.kind != "f"]


def leaky_loss(x):
    y = np.where(x > 0, x, 0.1 * x)
    if y.sum() > 3:
        y = 2 * y
    return (y / y.data.max() * x[np.arange(2), np.argmax(x.data, axis=1)][:, None]).sum()


def sorted_loss(x):
    kept = np.sort(x, axis=1)[:, -2:]
    return (kept * np.clip(x, -0.5, 0.5)[:, :2]).sum() + np.median(x)


def with_a_number_of_python_loss(x):
    return (x * float(x.data.std())).sum()


TABLE = nn.Embedding(7, 3, rng=0, dtype=np.float64)


def words_loss(ids):
    pad = ids == 0
    e = np.where(pad[..., None], 0.0, TABLE(ids))
    return np.square(e.sum(axis=1) / np.maximum(1, (~pad).sum(axis=1))[:, None]).sum()


def run_again(function, **given):
    """The graph of a function, followed."""
    target = target_of(verify.with_examples(**given)(function))
    return followed(trace_target(target, 3), target, 3)


@pytest.mark.parametrize("function", [leaky_loss, sorted_loss])
def test_masks_and_places_are_computed_from_what_is_changed(blank, function):
    before, after = np.random.default_rng(4).normal(size=(2, 2, 3))
    graph, changed = (run_again(function, x=x) for x in (before, after))
    assert graph.followed
    (x,) = (node.id for node in graph.nodes if node.name == "x")
    equal(computed(blank, graph, {x: after})[0], changed)


def test_token_ids_can_be_changed(blank):
    before, after = np.array([[1, 2, 0], [3, 6, 4]]), np.array([[0, 2, 5], [3, 0, 0]])
    graph, changed = (run_again(words_loss, ids=ids) for ids in (before, after))
    (ids,) = (node.id for node in graph.nodes if node.name == "ids")
    assert live(graph).leaves[ids][2] == 7  # rows to choose from
    equal(computed(blank, graph, {ids: after})[0], changed)


def watched(site, graph, changes):
    """What the page warns of when an input is set."""
    with site.open(graph, live=True) as tab:
        chosen(tab, "x")
        found = []
        for x in changes:
            tab.get_by_label("the number, typed").fill(str(x))
            settled(tab)
            found.append(tab.inner_text(".warning"))
        return found


def test_a_branch_that_would_go_the_other_way_is_named_and_no_other(site):
    graph = run_again(leaky_loss, x=np.array([[1.0, 0.5, -2.0], [1.0, -1.0, -1.0]]))
    none, named, back = watched(site, graph, [1.5, 4, 1])
    assert "if y.sum() > 3:" in named
    assert "test_live_pages.py" in named
    assert none == back == ""


def test_a_number_that_the_code_took_is_named_once_it_is_another(site):
    graph = run_again(with_a_number_of_python_loss, x=np.array([1.0, -1.0]))
    same, named = watched(site, graph, [1, 1.5])
    assert same == ""
    assert "float(x.data.std())" in named


def test_numbers_that_an_operation_does_not_take_are_named(site):
    def loss(x):
        return nn.binary_cross_entropy(x, np.array([0.0, 1.0]))

    named, back = watched(site, run_again(loss, x=np.array([0.3, 0.8])), [1.5, 0.5])
    assert "do not take such numbers: " in named
    assert back == ""


def test_what_cannot_be_run_again_says_what_stays(site):
    x = mg.Tensor(np.array([1.0, -2.0]), requires_grad=True, name="x")
    output = leaky_loss(np.stack([x, x, x], axis=1))
    assert followed(trace(output, gradients_of=output), None, 3).followed is None
    with site.open(trace(output, gradients_of=output), live=True) as tab:
        assert "branches, x.data, mask" in tab.inner_text(".training")
        assert "the branches that it took" in tab.inner_text('.panel [data-part="fixed"]')


def test_a_run_with_random_numbers_is_not_followed():
    def noisy_loss(x):
        return (x * np.random.normal(size=2)).sum()

    assert run_again(noisy_loss, x=np.ones(2)).followed is None


@pytest.mark.parametrize("name", ["lstm", "gru-reset-after", "multi-head", "cross-entropy"])
def test_what_is_built_in_is_followed(blank, name):
    target = resolve(name)
    graph = followed(trace_target(target, 3), target, 3)
    assert live(graph).followed
    assert live(graph).looks == {}
    equal(computed(blank, graph)[0], graph)


@settings(max_examples=40, deadline=None)
@given(function=programs(), seed=st.integers(0, 9))
def test_random_graphs_from_numbers_that_are_changed(blank, function, seed):
    """What the page computes from other numbers is what the engine records from them."""
    before, change = np.random.default_rng(seed).normal(size=(2, 2, 3, 4))
    after = before + 0.1 * change
    graph, changed = of_function(function, *before), of_function(function, *after)
    assume(all(map(np.array_equal, masks(graph), masks(changed))))  # they stay, as the page says
    names = {node.name: node.id for node in graph.nodes if node.kind == "input"}
    changes = {names[n]: a for n, a in zip(("x", "y"), after, strict=True) if n in names}
    equal(computed(blank, graph, changes)[0], changed)


def test_a_value_that_is_held_is_a_constant_to_all_that_follows(blank):
    """The forget gate at 0.9: as if the code had said so, values and gradients."""

    def loss(a, w, *, held):
        f = mg.sigmoid(a @ w)
        f.name = "f"
        kept = mg.Tensor(np.full((3, 4), 0.9)) if held else f
        c = np.tanh(a @ w) * kept + a[:, :1]
        return (c * c).sum()

    a, w = np.random.default_rng(2).normal(size=(2, 3, 4))
    w = w.T @ w
    found = {}
    for held in (False, True):
        given = [mg.Tensor(x, requires_grad=True, name=n) for n, x in (("a", a), ("w", w))]
        output = loss(*given, held=held)
        found[held] = float(output.data), mg.gradients(output, given, retain_graph=True)
        if not held:
            graph = trace(output, gradients_of=output)
    (f,) = (node.id for node in graph.nodes if node.name == "f")
    arrays, value = computed(blank, graph, held={f: [0.9] * 12})
    assert value == pytest.approx(found[True][0], rel=1e-13)
    leaves = {node.name: node.id for node in graph.nodes if node.kind == "input"}
    for name, expected in zip("aw", found[True][1], strict=True):
        np.testing.assert_allclose(arrays[leaves[name]][1], expected.ravel(), rtol=1e-11)
    assert np.all(arrays[f][0] == 0.9)
    assert np.any(arrays[f][1] != 0)  # what a change of the held value would do


# The page


def chosen(tab, start, step=None):
    """Choose the item whose accessible name starts so."""
    return tab.evaluate("""([start, step]) => {
      const { scene, choose } = document.querySelector(".explorer").explorer;
      const item = scene.items.find((it) => it.lines[0].startsWith(start)
        && (step === null || it.step === step));
      document.querySelector(".explorer").explorer.choose(item);
      return item.nodes.at(-1);
    }""", [start, step])  # fmt: skip


def settled(tab):
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => "
                 "requestAnimationFrame(done)))")  # fmt: skip


def numbers(tab, part):
    texts = tab.locator(f'.panel section[data-part="{part}"] td').all_inner_texts()
    return [float(text.replace("−", "-")) for text in texts]


def test_a_reader_holds_a_gate_and_lets_it_go(site):
    with site.open(recorded("lstm"), live=True) as tab:
        number = chosen(tab, "f", 1)
        before = numbers(tab, "value"), numbers(tab, "gradient"), tab.inner_text(".training output")
        slider = tab.locator(".change input[type=range]")
        slider.focus()
        slider.press("End")
        settled(tab)
        assert numbers(tab, "value") == [1.0] * 4
        assert "Held" in tab.inner_text(".change")
        assert tab.inner_text(".training output") != before[2]
        tab.locator(".change input[type=number]").fill("0.9")
        settled(tab)
        assert numbers(tab, "value") == [0.9] * 4
        assert tab.evaluate("document.activeElement.type") == "number"
        before_it = (
            f"document.querySelector('.explorer').explorer.scene.live.gradient({number - 1})"
        )
        assert tab.evaluate(f"() => {before_it}.every((x) => x === 0)") is True
        tab.locator(".change button").click()
        settled(tab)
        after = numbers(tab, "value"), numbers(tab, "gradient"), tab.inner_text(".training output")
        assert after == before
        assert tab.evaluate("document.activeElement.type") == "range"


PRODUCTS = {
    "lstm": (["f", "c", "h", "x"], lambda: recorded("lstm")),
    "attention": (["Q", "K", "V", "S = ", "A = ", "x"], lambda: recorded("attention")),
    "products": (["x", "y", "v"], lambda: of_arrays(
        lambda x, y, v: (mg.softmax(x @ y, axis=0) @ v * (x @ np.ones(4))).sum(),
        (3, 4), (4, 2), (2,),
    )),
    "stacks": (["x", "y"], lambda: of_arrays(
        lambda x, y: np.square(np.exp(mg.log_softmax(x @ y, axis=1)) + x[:, :1]).sum(),
        (2, 3, 3), (3, 3),
    )),
    "sums": (["x", "y"], lambda: of_arrays(
        lambda x, y: np.square(x.sum(axis=0) + y + x.T.reshape(4, 3).sum(1)).sum(), (3, 4), (4,)
    )),
}  # fmt: skip


def of_arrays(function, *shapes):
    rng = np.random.default_rng(1)
    given = [mg.Tensor(rng.normal(size=s), requires_grad=True, name=n)
             for n, s in zip("xyv", shapes, strict=False)]  # fmt: skip
    output = function(*given)
    return trace(output, gradients_of=output)


@pytest.mark.parametrize("name", PRODUCTS)
def test_upstream_times_local_are_what_comes_to_a_value_and_add_up_to_its_gradient(site, name):
    """At every entry, through matrix products and softmax too."""
    starts, graph = PRODUCTS[name][0], PRODUCTS[name][1]()
    products = 0
    with site.open(graph, live=True) as tab:
        for start in starts:
            number = chosen(tab, start, 1 if name == "lstm" and start != "x" else None)
            gradient = np.ravel(graph.nodes[number].gradient)
            for entry in (0, gradient.size - 1):
                if gradient.size > 1:
                    tab.select_option('[data-part="source-entry"]', str(entry))
                total = 0.0
                for line in tab.locator(".sources .product").all_inner_texts():
                    left, _, right = line.replace("−", "-").rpartition("=")
                    total += float(right)
                    if left and "…" not in left:
                        found = [float(a) * float(b) for a, b in (
                            part.replace("(", "").replace(")", "").split("×")
                            for part in left.split(" + ")
                        )]  # fmt: skip
                        assert sum(found) == pytest.approx(float(right), rel=3e-3, abs=1e-3)
                        products += 1
                assert total == pytest.approx(gradient[entry], rel=3e-3, abs=1e-3)
    assert products >= 2 * len(starts)


def test_it_trains_as_gradient_descent_does_and_goes_back(site):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(5, 3)), rng.normal(size=3)
    weight = mg.Parameter(w.copy())
    weight.name = "w"

    def loss(weight):
        return np.square(np.tanh(x @ weight) - 0.3).mean()

    output = loss(weight)
    with site.open(trace(output, gradients_of=output), live=True) as tab:
        first = tab.inner_text(".training output")
        tab.locator(".training input").fill("0.25")
        for _ in range(3):
            tab.get_by_role("button", name="Train", exact=True).click()
        settled(tab)
        for _ in range(3):
            w = w - 0.25 * mg.grad(loss)(w)
        live_of = "document.querySelector('.explorer').explorer.scene.live"
        (leaf,) = tab.evaluate(f"() => Object.keys({live_of}.given.leaves).filter((n) => {live_of}"
                               ".gradient(n) !== null)")  # fmt: skip
        np.testing.assert_allclose(
            tab.evaluate(f"() => [...{live_of}.value({leaf})]"), w, rtol=1e-13
        )
        assert tab.locator(".curve polyline").get_attribute("points").count(",") == 4
        tab.get_by_role("button", name="Reset all").click()
        settled(tab)
        assert tab.inner_text(".training output") == first


def test_the_same_in_spanish_whatever_the_browser_speaks(site):
    with site.open(recorded("lstm"), live=True, language="es") as tab:
        chosen(tab, "f", 1)
        assert "Fijar" in tab.inner_text(".change")
        assert tab.get_by_role("button", name="Entrenar", exact=True).count() == 1
        assert tab.evaluate("document.documentElement.lang") == "es"


@pytest.mark.parametrize("start", ["f", "c", "x"])
def test_on_a_phone_the_panel_does_not_cover_what_was_tapped(site, start):
    with site.open(recorded("lstm"), live=True, viewport={"width": 390, "height": 844}) as tab:
        chosen(tab, start, 2)
        settled(tab)
        box = tab.locator(".item.chosen > .box").bounding_box()
        graph = tab.locator("svg.graph").bounding_box()
        assert graph["y"] <= box["y"]
        assert box["y"] + box["height"] <= graph["y"] + graph["height"]
        assert graph["x"] <= box["x"]
        assert box["x"] + box["width"] <= graph["x"] + graph["width"]
        assert tab.locator(".change input[type=range]").is_visible()


@pytest.mark.parametrize("options", [
    {}, {"color_scheme": "dark", "locale": "es-ES", "viewport": {"width": 390, "height": 844}},
])  # fmt: skip
def test_axe_finds_nothing(site, options):
    from axe_playwright_python.sync_playwright import Axe

    with site.open(recorded("lstm"), live=True, **options) as tab:
        assert Axe().run(tab).response["violations"] == []
        tab.evaluate("""() => {
          const page = document.querySelector('.explorer').explorer;
          page.choose(page.scene.items.find(({ lines }) => lines[0] === 'f'));
          page.toggleGate();
          page.fold(1);
          page.heat.value = 'gradient';
          page.heat.onchange();
          page.advance(1);
          page.training.step.click();
        }""")
        settled(tab)
        assert Axe().run(tab).response["violations"] == []


def test_a_long_sequence_stays_small(tmp_path):
    path = tmp_path / "lstm.html"
    draw("lstm", path, steps=20, live=True)
    assert path.stat().st_size < 1_000_000


# What cannot be computed anew


def test_what_cannot_be_live_is_refused_with_what_to_do(tmp_path):
    graph = recorded("lstm")
    with pytest.raises(ValueError, match="read from JSON"):
        live(Graph.from_json(graph.to_json()))
    x = mg.Tensor(np.eye(3) + 0.1, requires_grad=True, name="x")
    output = np.linalg.svd(x)[1].sum()
    with pytest.raises(ValueError, match="svd has no JavaScript; save the page without live"):
        live(trace(output, gradients_of=output))
    output.backward(retain_graph=True)
    with pytest.raises(ValueError, match="pass gradients_of=L"):
        live(trace(output))
    big = mg.Tensor(np.zeros((800, 800)), requires_grad=True, name="x")
    with pytest.raises(ValueError, match="at most 500,000"):
        live(trace(np.tanh(big)))
    with pytest.raises(ValueError, match=r"expected a page: -o page\.html"):
        draw("lstm", tmp_path / "a.svg", live=True)
    assert not list(tmp_path.iterdir())


def test_single_precision_is_computed_in_double(blank):
    x = mg.Tensor(np.linspace(-1, 1, 5, dtype=np.float32), requires_grad=True, name="x")
    output = (np.tanh(x).astype(np.float32) * x).sum()
    _, loss = computed(blank, trace(output, gradients_of=output))
    exact = x.data.astype(float)
    assert loss == pytest.approx((np.tanh(exact) * exact).sum(), rel=1e-14)


def test_a_gradient_that_a_hook_changes_is_refused():
    x = mg.Tensor(np.ones(2), requires_grad=True, name="x")
    y = np.tanh(x)
    y.register_hook(lambda g: 2 * g)
    output = y.sum()
    with pytest.raises(ValueError, match="gradient of x is not what was recorded"):
        live(trace(output, gradients_of=output))


def test_numbers_that_are_not_finite_reach_the_page(site):
    x = mg.Tensor(np.ones(3), requires_grad=True, name="x")
    output = mg.softmax(x + np.array([0.0, -np.inf, 0.0])).max()
    with site.open(trace(output, gradients_of=output), live=True) as tab:
        chosen(tab, "softmax")
        assert numbers(tab, "value") == [0.5, 0, 0.5]


def test_the_forget_gate_at_every_step_and_the_belt_over_the_steps(site):
    """With f = 1 everywhere the gradient of c no longer fades by the gate."""
    with site.open(recorded("lstm", 6), live=True) as tab:
        chosen(tab, "f", 2)
        tab.locator(".change input[type=checkbox]").check()
        tab.locator(".change input[type=number]").fill("0.9")
        settled(tab)
        held = tab.evaluate("""() => {
          const { scene } = document.querySelector('.explorer').explorer;
          const f = scene.items.find((item) => item.lines[0] === 'f');
          return scene.alike(f).map((node) => [...scene.live.value(node)]);
        }""")
        assert held == [[0.9] * 4] * 6
        chosen(tab, "c", 2)
        assert tab.locator('[data-part="over_steps"] polyline').count() == 2
        points = tab.locator('[data-part="over_steps"] polyline').first.get_attribute("points")
        assert points.count(",") == 6


def fading_loss(radius, turned):
    h = mg.Tensor(np.full(4, 0.5), requires_grad=True, name="h")
    for t in range(50):
        with mg.step(t):
            h = radius * turned @ h
    return h.sum()


def test_what_is_watched_is_seen_while_something_else_is_changed(site):
    """The gradient over 50 steps as the spectral radius goes through 1; a link keeps it in view."""
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    with site.open(run_again(fading_loss, radius=np.array(0.9), turned=turned), live=True) as tab:
        chosen(tab, "h", 40)
        tab.get_by_role("button", name="Watch this").click()
        chosen(tab, "radius")
        watched = '[data-part="watched"]'
        shares = []
        for radius in (0.5, 1.0, 1.5):
            tab.get_by_label("the number, typed").fill(str(radius))
            settled(tab)
            said = tab.locator(f"{watched} .note").last.inner_text().replace("−", "-")
            first, last = re.findall(r"[\d.e-]+(?= at the)", said)
            shares.append(float(first) / float(last))
        np.testing.assert_allclose(shares, [0.5**49, 1, 1.5**49], rtol=1)
        tab.wait_for_timeout(800)
        for address in ("about:blank", tab.url):
            tab.goto(address)
        assert tab.locator(f"{watched} polyline").count() == 2
        tab.get_by_role("button", name="Watch no longer").click()
        assert tab.locator(f"{watched} polyline").count() == 0


def test_attention_is_seen_while_a_key_is_turned_towards_the_query(site):
    def loss(query, keys):
        weights = mg.softmax(query @ keys.T * 4, axis=-1)
        return (weights * np.array([1.0, 2, 3])).sum()

    keys = np.array([[0.0, 1], [-1, 0], [0, -1]])
    graph = run_again(loss, query=np.array([[1.0, 0]]), keys=keys)
    with site.open(graph, live=True) as tab:
        chosen(tab, "softmax")
        tab.get_by_role("button", name="Watch this").click()
        chosen(tab, "keys")
        weights = []
        for x in (-1, 0, 1):
            tab.get_by_label("the number, typed").fill(str(x))
            settled(tab)
            weights.append(float(tab.locator('[data-part="watched"] td').first.inner_text()))
        assert weights[0] < 0.1 < weights[1] < 0.9 < weights[2]


def test_the_command_writes_a_live_page(tmp_path, capsys):
    path = tmp_path / "rnn.html"
    with pytest.raises(SystemExit, match="0"):
        main(["graph", "rnn", "--steps", "2", "--live", "-o", str(path)])
    assert "const PROGRAMS = [(() =>" in path.read_text("utf-8")
    with pytest.raises(SystemExit, match=r"[12]"):
        main(["graph", "rnn", "--live", "-o", str(tmp_path / "rnn.svg")])
    assert "expected a page: -o page.html" in capsys.readouterr().err


def test_the_address_leads_to_what_is_chosen_and_changed(site):
    with site.open(recorded("lstm"), live=True) as tab:
        chosen(tab, "x", 0)
        tab.get_by_label("the number, typed").fill("2")
        number = chosen(tab, "f", 1)
        tab.locator(".change input[type=number]").first.fill("0.9")
        settled(tab)
        loss = tab.inner_text(".training output")
        tab.wait_for_timeout(800)  # the address follows a moment later
        assert "0.9" in tab.url
        link = tab.url
        for address in ("about:blank", link):
            tab.goto(address)
        assert tab.inner_text(".training output") == loss
        assert tab.inner_text(".panel h2") == "f"
        assert tab.evaluate("(n) => document.querySelector('.explorer').explorer.scene.live"
                            ".isHeld(n, 0)", number)  # fmt: skip
        plain = link.partition("#")[0]
        for wrong in ("#nonsense", '#{"figure-1":{"item":1e9,"changes":{"0":[1],"x":2}}}', "#[]"):
            tab.goto("about:blank")
            tab.goto(plain + wrong)
            assert tab.inner_text(".training output") != loss


def test_an_entry_of_a_large_array_is_chosen_by_its_place(site):
    x = mg.Tensor(np.zeros((12, 9)), requires_grad=True, name="x")
    output = np.square(x - 1).sum()
    with site.open(trace(output, gradients_of=output), live=True) as tab:
        number = chosen(tab, "x")
        tab.get_by_label("place on axis 0").fill("3")
        tab.get_by_label("place on axis 1").fill("7")
        tab.get_by_label("the number, typed").fill("2.5")
        settled(tab)
        values = tab.evaluate("(n) => [...document.querySelector('.explorer').explorer.scene.live"
                              ".value(n)]", number)  # fmt: skip
        assert np.flatnonzero(values).tolist() == [3 * 9 + 7]
        assert tab.inner_text(".training output") == "L = 109.3"


def test_precisions_may_be_mixed(blank):
    x = mg.Tensor(np.linspace(-1, 1, 4, dtype=np.float32), requires_grad=True, name="x")
    output = (np.tanh(x) / np.float64(3)).sum()
    _, loss = computed(blank, trace(output, gradients_of=output))
    assert loss == pytest.approx((np.tanh(x.data.astype(float)) / 3).sum(), rel=1e-14)


def test_names_cannot_break_out_of_a_live_page(site):
    nasty = "</script><script>document.title='broken'</script>"
    x = mg.Tensor(np.array([1.0, -2.0]), requires_grad=True, name=nasty)
    output = np.where(x > 0, x, 0.1 * x).sum()
    with site.open(trace(output, nasty, gradients_of=output), live=True) as tab:
        assert tab.title() != "broken"
        assert "Not computed anew: branches, x.data, mask" in tab.inner_text(".training")
        chosen(tab, nasty)
        assert nasty in tab.inner_text(".panel h2")
