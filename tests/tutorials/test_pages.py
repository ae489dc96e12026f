"""What a reader sees in the browser, on a wide screen and on a phone."""

from __future__ import annotations

import pytest

from tests.graph.browser import CHROMIUM, FLAGS, needs_chromium
from tutorials.build import build

SCRIPT = r"""
# %% [markdown] lang="en"
# # Formulas
# **What is** cut off**?** A long one in a line:
# $a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_0$.
#
# $$\hat\delta h_{t-1} = \frac{\partial c_{t}}{\partial c_{t-1}} \sqrt{\frac{1}{x_{t_{y_z}}}}
#   + a_1 + a_2 + a_3 + a_4 + a_5 + a_6$$
#
# | a table | with many | columns | that are | wide | and more | of them | still |
# |---|---|---|---|---|---|---|---|
# | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |

# %% [markdown] lang="es"
# # Fórmulas
# **¿Qué se** corta**?** Una larga, $a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_0$.
#
# $$\hat\delta h_{t-1} = \frac{\partial c_{t}}{\partial c_{t-1}}$$

# %% [markdown] lang="en" tags=["quiz"]
# **1. What?**
# - [ ] This :: Not this.
# - [x] That :: That.
# - [ ] Both :: Not both.

# %% [markdown] lang="es" tags=["quiz"]
# **1. ¿Qué?**
# - [ ] Esto :: Esto no.
# - [x] Eso :: Eso.
# - [ ] Las dos :: Las dos, no.
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    script, wheel = folder / "01-formulas.py", folder / "a.whl"
    script.write_text(SCRIPT, encoding="utf-8")
    wheel.touch()
    build([script], folder / "out", wheel)
    return folder / "out"


@pytest.fixture(scope="module")
def browser(site):  # built before: Playwright has a loop of its own
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@needs_chromium
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize(
    "name", ["01-formulas.en", "01-formulas.es", "01-formulas.en.slides", "index.es"]
)
def test_no_formula_is_cut_off_and_no_page_is_wider_than_the_screen(browser, site, name, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((site / f"{name}.html").as_uri())
    cut = "[...document.querySelectorAll('.formula')].map(e => e.scrollHeight - e.clientHeight)"
    assert all(missing <= 1 for missing in page.evaluate(cut))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@needs_chromium
def test_a_choice_is_marked_when_it_is_opened_without_any_script(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "01-formulas.en.html").as_uri())
    assert not page.get_by_text("Not this.").is_visible()
    page.get_by_text("This", exact=True).click()
    assert page.get_by_text("Not this.").is_visible()
    assert not page.get_by_text("Not both.").is_visible()
    context.close()
