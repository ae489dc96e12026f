"""PyTorch's names for what NumPy's names do: what to write where somebody types one from memory.

Functions and methods are NumPy's here, and so is the meaning of ``axis`` and ``repeat``; an
`AttributeError` says what stands for PyTorch's.
"""

from __future__ import annotations

_BOTH = {
    "bmm": "x @ y",
    "mm": "x @ y",
    "chunk": "np.array_split(x, parts, axis)",
    "clamp": "np.clip(x, low, high)",
    "clone": "x.copy()",
    "expand": "np.broadcast_to(x, shape)",
    "gather": "np.take_along_axis(x, indices, axis)",
    "index_select": "np.take(x, indices, axis)",
    "masked_fill": "np.where(mask, value, x)",
    "numel": "x.size",
    "permute": "np.transpose(x, axes)",
    "scatter": "a copy, and x[indices] = values",
    "topk": "np.sort(x) and np.argsort(x), of which the last entries are the largest",
    "unbind": "the elements of x: it can be iterated",
    "unsqueeze": "np.expand_dims(x, axis), or x[:, None]",
}
_NOTHING = "nothing: arrays are NumPy's, on no device"

METHODS = {
    **_BOTH,
    **dict.fromkeys(("contiguous", "cpu", "cuda", "device", "to"), _NOTHING),
    **dict.fromkeys(("abs", "pow"), "np.{name}(x)"),
    **dict.fromkeys(("relu", "sigmoid", "softmax", "log_softmax"), "minigrad.{name}(x)"),
    "add": "x + y", "sub": "x - y", "mul": "x * y", "div": "x / y", "matmul": "x @ y",
    "dim": "x.ndim",
    "double": "x.astype(np.float64)", "float": "x.astype(np.float32)", "long": "x.astype(int)",
    "type": "x.astype(dtype)", "type_as": "x.astype(y.dtype)",
    "grad_fn": "x.primitive",
    "norm": "np.linalg.norm(x)",
    "requires_grad_": "x.requires_grad = True",
    **dict.fromkeys(("sort", "partition"), "np.{name}(x), or y = x.copy() and y.sort()"),
    **dict.fromkeys(("fill", "put", "itemset"), "y = x.copy(), and y[index] = values"),
    "resize": "x.reshape(shape), or np.resize(x, shape)",
    "byteswap": _NOTHING, "tobytes": "x.numpy().tobytes()", "tofile": "x.numpy().tofile(file)",
    "view_as_real": "np.stack([x.real, x.imag], -1)",
    "t": "x.T",
    "view": "x.reshape(shape)", "view_as": "x.reshape(y.shape)",
    "new_zeros": "np.zeros(shape, x.dtype)", "new_ones": "np.ones(shape, x.dtype)",
}  # fmt: skip
"""Methods of PyTorch's tensors that NumPy's arrays do not have."""

FUNCTIONS = {
    **_BOTH,
    "cat": "np.concatenate(arrays, axis)",
    "device": _NOTHING,
    "cuda": _NOTHING,
    "compile": "minigrad.jit(function)",
    "eye": "np.eye(n)",
    "arange": "np.arange(n)",
    "zeros_like": "np.zeros_like(x)",
    "from_numpy": "minigrad.Tensor(x), or the array itself",
    "optim": "from minigrad import optim", "nn": "from minigrad import nn",
    "func": "minigrad.grad, vjp, jvp, jacobian and hessian",
    "inference_mode": "minigrad.no_grad()",
    "is_tensor": "isinstance(x, minigrad.Tensor)",
    "float32": "np.float32", "float64": "np.float64", "long": "np.int64",
    "load": "nn.load_state(path)", "save": "nn.save_state(path, model.state_dict())",
    "manual_seed": "rng=0 where a layer is made: there is no global seed",
    "multinomial": "rng.choice(n, p=probabilities), with rng = np.random.default_rng(0)",
    "rand": "rng.random(shape), with rng = np.random.default_rng(0)",
    "randint": "rng.integers(low, high, shape), with rng = np.random.default_rng(0)",
    "randn": "rng.normal(size=shape), with rng = np.random.default_rng(0)",
    "randn_like": "rng.normal(size=x.shape), with rng = np.random.default_rng(0)",
    "vmap": "an axis more: functions broadcast",
}  # fmt: skip
"""Functions of PyTorch's that NumPy does not have, or has under another name."""


def advice(table: dict[str, str], name: str) -> str:
    """What to write for a name, as the end of a message; nothing if it is not in the table.

    Example:
        >>> from minigrad.elsewhere import FUNCTIONS, advice
        >>> advice(FUNCTIONS, "cat")
        '; write np.concatenate(arrays, axis)'
    """
    plain = name if name in table else name.removesuffix("_")
    found = table.get(plain)
    if found is None:
        return ""
    return f"; write {found.format(name=plain)}"
