"""Files: states as `Module.state_dict` gives them, and whole models; never pickle."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import hooks
from minigrad.extras import require
from minigrad.files import write_bytes
from minigrad.nn.module import Module, State
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

    Example:
        >>> import tempfile
        >>> layer = nn.Linear(3, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.save_state(f"{folder}/layer.npz", layer.state_dict())
        ...     list(nn.load_state(f"{folder}/layer.npz"))
        ['weight', 'bias']
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

    Example:
        >>> import tempfile
        >>> layer, other = nn.Linear(3, 2), nn.Linear(3, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.save_state(f"{folder}/layer.npz", layer.state_dict())
        ...     other.load_state_dict(nn.load_state(f"{folder}/layer.npz"))
        >>> bool((layer.weight.data == other.weight.data).all())
        True
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


def export(model: Module, path: str | Path, args: Any = None, **options: Any) -> None:
    """Write a trained model for another library.

    Args:
        model: any module.
        path: ends in ``.onnx`` for the model itself, which onnxruntime and others run without
            minigrad; in ``.safetensors`` or ``.npz`` for its weights, by the names and in the
            packing of PyTorch: ``load_state_dict(safetensors.torch.load_file(path))`` reads them
            there.
        args: for ``.onnx``: an example of the model's arguments, an array or a tuple of them.
        options: for ``.onnx``: those of `minigrad.onnx.export`, such as ``dynamic_axes``.

    Raises:
        ValueError: the path ends otherwise, or the arguments are not those that its kind takes.
        ExportError: the model does what ONNX has no operator for.
        OSError: the folder is missing or read-only.
        ImportError: the package that writes such files is not installed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.export(nn.Linear(3, 2), f"{folder}/layer.npz")
        ...     list(nn.load_state(f"{folder}/layer.npz"))
        ['weight', 'bias']
    """
    suffix = Path(path).suffix
    if suffix in (".pt", ".pth"):
        raise ValueError(
            f"{path}: PyTorch's own files hold pickled objects; write .safetensors, and read it "
            "there by load_state_dict(safetensors.torch.load_file(path))"
        )
    if suffix == ".onnx":
        if args is None:
            raise ValueError(
                f"{path}: an ONNX file needs an example of the model's arguments: "
                "nn.export(model, path, x)"
            )
        hooks.export_onnx(model, args, path, **options)
        return
    if suffix not in (".safetensors", ".npz"):
        raise ValueError(f"{path}: expected a file name that ends in .onnx, .safetensors or .npz")
    if args is not None or options:
        raise ValueError(f"{path}: weights need no example and no options; only .onnx takes them")
    save_state(path, model.state_dict())


def load_keras_file(path: str | Path) -> dict[str, list[np.ndarray]]:
    """What Keras's ``save_weights`` wrote: the arrays of each layer, as `load_keras_weights` takes.

    Args:
        path: ends in ``.h5`` (needs h5py: the extra ``keras``).

    Returns:
        By the layer's name in the file: ``dense``, ``dense_1``, ``bidirectional``, or
        ``sequential/dense`` in a model inside the model.

    Raises:
        ValueError: the path ends otherwise, or the file is damaged or of another kind.
        OSError: there is no such file, or it cannot be read.
        ImportError: h5py is not installed.

    Example:
        >>> from pathlib import Path
        >>> try:
        ...     nn.load_keras_file("no.weights.h5")
        ... except OSError:
        ...     print("no such file")
        no such file
    """
    if Path(path).suffix != ".h5":
        raise ValueError(f"{path}: expected a file name that ends in .h5, of Keras's save_weights")
    h5py = require("h5py", extra="keras")
    data = io.BytesIO(Path(path).read_bytes())
    found: dict[str, list[np.ndarray]] = {}
    try:
        with h5py.File(data, "r") as stored:
            _collect(stored["layers"], "", found)
    except (KeyError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a file of Keras's save_weights: {reason}") from error
    return found


_PARTS = ("query_dense", "key_dense", "value_dense", "output_dense", "forward_layer",
          "backward_layer")  # fmt: skip


def _collect(layers: Any, prefix: str, found: dict[str, list[np.ndarray]]) -> None:
    """The arrays of every layer in a group; those of a layer's parts in Keras's order."""
    for name, layer in layers.items():
        if "layers" in layer:
            _collect(layer["layers"], f"{prefix}{name}/", found)
        elif arrays := list(_arrays(layer)):
            found[prefix + name] = arrays


def _arrays(group: Any) -> Iterator[np.ndarray]:
    if "vars" in group:
        yield from (np.asarray(group["vars"][key]) for key in sorted(group["vars"], key=int))
    parts = [name for name in group if name not in ("vars", "seed_generator")]
    known = [name for name in _PARTS if name in parts]
    for name in [*known, *(name for name in parts if name not in known)]:
        yield from _arrays(group[name])


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
