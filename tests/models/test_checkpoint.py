"""A checkpoint is whole, for one model, and refused with one line where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import nn, optim
from minigrad.nn import save_state
from models.checkpoint import Checkpoint, load_part, read_checkpoint
from models.training import History


def checkpoint(path, *, name="mine", width=3, resume=False, **settings):
    model = nn.Sequential(nn.Linear(width, 2, rng=0), nn.Dropout(0.5, rng=0))
    return Checkpoint(path, name, settings, model, optim.Adam(model.parameters()), resume=resume)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


def test_settings_come_back_as_they_were(path):
    settings = {"hidden": 4, "rate": 1e-3, "words": ["ñandú", '"', ""], "nothing": None}
    checkpoint(path, **settings).save(History([1.0, 2.0]))
    found, state = read_checkpoint(path, "mine")
    assert found == settings
    assert state["history/losses"].tolist() == [1.0, 2.0]


def test_a_checkpoint_of_another_model_is_refused(path):
    checkpoint(path, name="other").save(History())
    with pytest.raises(ValueError, match="a checkpoint of the model other, expected one of mine"):
        read_checkpoint(path, "mine")


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_one_that_is_cut_short_is_refused(path, kept):
    checkpoint(path).save(History())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=str(path)):
        read_checkpoint(path, "mine")


@pytest.mark.parametrize("about", [None, b"", b"{}", b"[1]", b'{"model": "mine"}', b"\xff\xfe"])
def test_a_file_of_other_arrays_is_refused(path, about):
    state = {} if about is None else {"about": np.frombuffer(about, np.uint8)}
    save_state(path, {"x": np.ones(2), **state})
    with pytest.raises(ValueError, match="not a checkpoint of one of these models"):
        read_checkpoint(path, "mine")


def test_other_settings_are_refused_and_named(path):
    checkpoint(path, hidden=4, seed=1).save(History())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"was made with hidden=4, got hidden=5$"):
        checkpoint(path, hidden=5, seed=1, resume=True).resume()
    assert path.read_bytes() == before


def test_other_shapes_are_refused_with_the_file_s_name(path):
    checkpoint(path).save(History())
    with pytest.raises(ValueError, match=r"run\.safetensors: model: .*got shape \(2, 3\)"):
        checkpoint(path, width=4, resume=True).resume()
    _, state = read_checkpoint(path, "mine")
    with pytest.raises(ValueError, match=r"run\.safetensors: model: .*missing weight"):
        load_part(path, state, "model", nn.Linear(3, 2))


def test_random_numbers_go_on_where_they_were(path):
    first = checkpoint(path)
    dropout = getattr(first.parts["model"], "1")
    dropout(np.ones(10))
    first.save(History())
    later = checkpoint(path, resume=True)
    later.resume()
    x = np.ones(50)
    assert np.array_equal(getattr(later.parts["model"], "1")(x), dropout(x))
    assert not np.array_equal(getattr(checkpoint(path).parts["model"], "1")(x), dropout(x))
