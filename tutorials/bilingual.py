"""One execution for both languages: what a chapter shows holds both, until it is split.

While ``MINIGRAD_LANGUAGE`` is ``both``, `minigrad.tutorial.text` returns both words in one string,
between marks. The kernel that runs the chapter calls `install`, so that whatever depends on the
width of words, figures and pictures, is drawn once for each language. `split` then makes the
outputs of one language.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode

from minigrad.tutorial import in_language

OTHER = ";es"  # after a MIME type: the same in Spanish


def split(outputs: list[NotebookNode], language: str) -> list[NotebookNode]:
    """The outputs of a cell, in one language."""
    return [NotebookNode(_split(dict(output), language)) for output in outputs]


def _split(value: Any, language: str) -> Any:
    if isinstance(value, str):
        return in_language(value, language)
    if isinstance(value, list):
        return [_split(item, language) for item in value]
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if not key.endswith(OTHER)}
        if language == "es":
            kept |= {key: value[key + OTHER] for key in kept if key + OTHER in value}
        return NotebookNode({key: _split(item, language) for key, item in kept.items()})
    return value


def install() -> None:
    """Have the running kernel draw each figure and picture with words once for each language."""
    import matplotlib.text
    from IPython import get_ipython
    from IPython.core.pylabtools import retina_figure

    from minigrad import graph

    language = ["en"]
    written = matplotlib.text.Text.get_text
    matplotlib.text.Text.get_text = lambda artist: in_language(written(artist), language[0])

    def figure(drawn: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        language[0] = "es"
        try:
            picture, size = retina_figure(drawn, base64=True)
        finally:
            language[0] = "en"
        return {"image/png" + OTHER: picture}, {"image/png" + OTHER: size}

    shell = get_ipython()
    shell.execution_count = 1  # the cell that calls this does not count
    formatter = shell.display_formatter.mimebundle_formatter
    formatter.for_type_by_name("matplotlib.figure", "Figure", figure)

    draw = graph.draw

    def draw_both(*given: Any, **named: Any) -> Any:
        if _said(given, "en") == _said(given, "es") and _said(named, "en") == _said(named, "es"):
            return draw(*given, **named)
        return Pictures(*(draw(*_said(given, code), **_said(named, code)) for code in ("en", "es")))

    graph.draw = draw_both


def _said(value: Any, language: str) -> Any:
    """The value, in its strings the words of one language."""
    if isinstance(value, str):
        return in_language(value, language)
    if type(value) in (list, tuple):
        return type(value)(_said(item, language) for item in value)
    if type(value) is dict:
        return {_said(key, language): _said(item, language) for key, item in value.items()}
    return value


class Pictures:
    """A picture in English and in Spanish; otherwise it is the English one."""

    def __init__(self, english: Any, spanish: Any) -> None:
        self.english, self.spanish = english, spanish

    def __getattr__(self, name: str) -> Any:
        return getattr(self.english, name)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        svg = "image/svg+xml"
        return {
            svg: self.english._repr_svg_(),
            svg + OTHER: self.spanish._repr_svg_(),
            "text/plain": repr(self.english),
        }
