"""The browser that the explorer is tried in: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minigrad.graph.explorer import page

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking",
         "--no-first-run", "--disable-component-update", "--disable-sync"]  # fmt: skip
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: install it (apt install chromium)"
)


class Site:
    """Pages in the browser; what goes wrong in them, and what they ask the network for."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder
        self.errors: list[str] = []
        self.requests: list[str] = []

    @contextmanager
    def open(
        self, *graphs: Any, checks: Any = (), live: bool = False, language: str = "en",
        **options: Any,
    ) -> Iterator[Any]:  # fmt: skip
        """The explorer of some graphs."""
        file = self.folder / "explorer.html"
        file.write_text(page(*graphs, checks=checks, live=live, language=language), "utf-8")
        context = self.browser.new_context(
            **{"viewport": {"width": 1366, "height": 768}, "locale": "en-GB", **options}
        )
        tab = context.new_page()
        tab.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("request", lambda request: self.requests.append(request.url))
        try:
            tab.goto(file.as_uri())
            tab.wait_for_selector("svg.graph [data-item], svg.graph [data-frame]", state="attached")
            yield tab
        finally:
            context.close()
