"""Claims about declaring: one name, one declaration; code that is run again declares it again."""

from __future__ import annotations

import inspect
import runpy

import numpy as np
import pytest

import minigrad as mg
from minigrad.primitives.primitive import BY_NUMPY, on_trial
from minigrad.targets import resolve

FILE = """
import numpy as np
import minigrad as mg

doubled = mg.linear("declared_doubled", lambda x: 2 * x, adjoints=(lambda g, x: 2 * g,))

@mg.implements(np.lexsort)
def by_the_last(keys):
    return keys[-1]
"""


@pytest.fixture(autouse=True)
def forgotten():
    """What a test declares is forgotten after it."""
    with on_trial(replacing=False):
        yield


def test_a_file_that_is_run_again_declares_its_primitives_again(tmp_path):
    (tmp_path / "rules.py").write_text(FILE)
    first, again = (runpy.run_path(str(tmp_path / "rules.py")) for _ in range(2))
    assert again["doubled"] is not first["doubled"]
    assert mg.PRIMITIVES["declared_doubled"] is again["doubled"]
    assert inspect.unwrap(BY_NUMPY[np.lexsort]) is inspect.unwrap(again["by_the_last"])


def test_a_cell_of_a_notebook_that_is_edited_declares_again():
    cell = "p = mg.linear('of_a_cell', lambda x: {0} * x, adjoints=(lambda g, x: {0} * g,))\n"
    cell += "@mg.implements(np.lexsort)\ndef f(keys): return {0}"
    for k in (2, 3):
        exec(compile("\n" * k + cell.format(k), f"<cell {k}>", "exec"), {"mg": mg, "np": np})
        assert mg.PRIMITIVES["of_a_cell"](1.0) == BY_NUMPY[np.lexsort](1.0) == k


def test_the_same_name_in_another_place_is_refused_and_the_first_place_told(tmp_path):
    for name in ("one", "other"):
        (tmp_path / f"{name}.py").write_text(FILE)
    first = resolve(f"{tmp_path / 'one.py'}:doubled").subject
    with pytest.raises(ValueError, match=f"declared already, in {tmp_path / 'one.py'}:5"):
        resolve(f"{tmp_path / 'other.py'}:doubled")
    assert mg.PRIMITIVES["declared_doubled"] is first
    with pytest.raises(ValueError, match="tanh: a primitive of this name is declared already"):
        mg.linear("tanh", lambda x: 2 * x, adjoints=(lambda g, x: 2 * g,))


def test_what_answers_to_a_function_of_numpy_is_not_replaced_from_elsewhere():
    with pytest.raises(ValueError, match=r"numpy\.tanh is answered already, by <elementwise"):
        mg.implements(np.tanh)(lambda x: x)
    with pytest.raises(ValueError, match=r"numpy\.tanh is answered already"):
        mg.implements(np.tanh)(np.sinh)  # which has no place of its own
    with on_trial():
        mg.implements(np.tanh)(lambda x: x)
    assert BY_NUMPY[np.tanh] is mg.tanh
