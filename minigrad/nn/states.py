"""Files of states, as `Module.state_dict` gives them: safetensors or .npz, never pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.extras import require
from minigrad.files import write_bytes
from minigrad.nn.module import State
from minigrad.tensor import raw


def save_state(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write arrays by name, whole or not at all.

    Args:
        path: ends in ``.safetensors`` (needs that package: an extra) or ``.npz``.
        state: as `Module.state_dict` gives it.

    Raises:
        ValueError: the path ends otherwise, or an entry is no array of numbers.
        OSError: the folder is missing or read-only.
        ImportError: safetensors is not installed.
    """
    suffix = _suffix(path)
    arrays = {name: np.asarray(raw(value), order="C") for name, value in state.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise ValueError(f"save_state: {name} has dtype {array.dtype}, expected real numbers")
    if suffix == ".safetensors":
        write_bytes(path, require("safetensors.numpy", extra="safetensors").save(arrays))
        return
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # np.savez takes no array of the name "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def load_state(path: str | Path) -> State:
    """The arrays of a file that `save_state`, PyTorch users or ``np.savez`` wrote.

    Raises:
        ValueError: the path ends neither in ``.safetensors`` nor ``.npz``, or the file is
            truncated, damaged, of another kind, or holds Python objects.
        OSError: there is no such file, or it cannot be read.
        ImportError: safetensors is not installed.
    """
    suffix = _suffix(path)
    data = Path(path).read_bytes()
    if suffix == ".safetensors":
        read = require("safetensors.numpy", extra="safetensors").load
    else:
        read = _read_npz
    try:
        return dict(read(data))
    except Exception as error:  # each library has its own for damage: one of ours for all
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a whole {suffix} file of arrays: {reason}") from error


def _read_npz(data: bytes) -> State:
    stored = np.load(io.BytesIO(data), allow_pickle=False)
    if not isinstance(stored, np.lib.npyio.NpzFile):
        raise ValueError("it holds a single array")
    return {name: stored[name] for name in stored.files}


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(f"{path}: expected a file name that ends in .safetensors or .npz")
    return suffix
