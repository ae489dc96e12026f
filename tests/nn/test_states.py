"""Claims about files of states: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from minigrad import nn

SUFFIXES = [".safetensors", ".npz"]


@pytest.fixture
def state(rng):
    return {
        "layers.0.weight": rng.normal(size=(3, 4)).astype(np.float32),
        "file": rng.normal(size=2),
        "transposed": rng.normal(size=(2, 3)).T,
        "steps": np.array(7),
        "flags": np.array([True, False]),
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_state_is_read_as_it_was_written(tmp_path, state, suffix):
    path = tmp_path / f"model{suffix}"
    nn.save_state(path, state)
    read = nn.load_state(path)
    assert read.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(read[name], array)
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_numpy_reads_our_npz_and_we_read_numpy_s(tmp_path, state):
    nn.save_state(tmp_path / "ours.npz", state)
    with np.load(tmp_path / "ours.npz", allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["file"], state["file"])
    del state["file"]  # np.savez has a parameter of that name
    np.savez_compressed(tmp_path / "theirs.npz", **state)
    assert nn.load_state(tmp_path / "theirs.npz").keys() == state.keys()


def test_other_libraries_read_our_safetensors(tmp_path, state):
    from safetensors.numpy import load_file

    nn.save_state(tmp_path / "model.safetensors", state)
    read = load_file(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(read["transposed"], state["transposed"])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"what is this " * 20]
)
def test_a_truncated_or_foreign_file_is_one_line(tmp_path, state, suffix, damage):
    path = tmp_path / f"model{suffix}"
    nn.save_state(path, state)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"not a whole {suffix} file of arrays") as caught:
        nn.load_state(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickled_objects_are_neither_written_nor_read(tmp_path):
    objects = {"a": np.array([{}, []], dtype=object)}
    with pytest.raises(ValueError, match="a has dtype object"):
        nn.save_state(tmp_path / "model.npz", objects)
    np.savez(tmp_path / "evil.npz", **objects)
    with pytest.raises(ValueError, match="not a whole"):
        nn.load_state(tmp_path / "evil.npz")


def test_a_single_array_and_other_suffixes_are_refused(tmp_path):
    with (tmp_path / "one.npz").open("wb") as file:
        np.save(file, np.ones(2))
    with pytest.raises(ValueError, match="it holds a single array"):
        nn.load_state(tmp_path / "one.npz")
    with pytest.raises(ValueError, match=r"ends in \.safetensors or \.npz"):
        nn.save_state(tmp_path / "model.pt", {})
    with pytest.raises(FileNotFoundError):
        nn.load_state(tmp_path / "none.npz")


def test_without_safetensors_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(
        ImportError,
        match=r"get it with: pip install .*\[safetensors\]",
    ):
        nn.save_state(tmp_path / "model.safetensors", {})
