"""Products of matrices and of arrays with named axes."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.primitives.axes import axes_of, axis_of
from minigrad.primitives.calls import joined, plain_dtype
from minigrad.primitives.indexing import scatter
from minigrad.primitives.primitive import Array, Primitive, bilinear, fused, implements, sample
from minigrad.primitives.shaping import astype, moveaxis, ravel, reshape


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _product(a: Array, b: Array) -> Array:
    """NumPy's matmul; a batch of matrices times one matrix as one large product."""
    try:
        if getattr(a, "ndim", 0) < 3 or getattr(b, "ndim", 0) != 2:
            return np.matmul(a, b)
        return np.matmul(_rows(a), b).reshape((*a.shape[:-1], b.shape[1]))
    except ValueError as error:
        left, right = np.shape(a), np.shape(b)
        if not left or not right or left[-1] == (length := right[-2:][0]):
            raise
        raise ValueError(
            f"matmul: {left} @ {right}: inner sizes {left[-1]} and {length} differ"
        ) from error


def _rows(x: Array) -> Array:
    """All rows of a batch of matrices, one under the other."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _left(g: Array, a: Array, b: Array) -> Array:
    """Adjoint of a ↦ a @ b; a vector is a row on the left of @ and a column on its right."""
    if b.ndim == 1:
        return np.expand_dims(g, -1) * b
    if a.ndim == 1:
        return np.sum(np.expand_dims(g, -2) * b, axis=-1)
    return _product(g, _transposed(b))


def _right(g: Array, a: Array, b: Array) -> Array:
    """Adjoint of b ↦ a @ b."""
    if a.ndim == 1:
        g = np.expand_dims(g, -1) if b.ndim == 1 else np.expand_dims(g, -2)
        return g * a if b.ndim == 1 else np.expand_dims(a, -1) * g
    if b.ndim == 1:
        return np.sum(_transposed(a) * np.expand_dims(g, -2), axis=-1)
    if b.ndim == 2 and a.ndim > 2:  # the sum over the batch is part of the product
        return _transposed(_rows(a)) @ _rows(g)
    return _transposed(a) @ g


matmul = bilinear(
    "matmul", _product, adjoints=(_left, _right), label="@", numpy=(np.matmul,),
    samples=(
        sample((2, 3), (3, 2)), sample((2, 2), (2, 2)), sample((2, 2, 3), (3, 1)),
        sample((3,), (3,)), sample((3,), (2, 3, 2)), sample((2, 2, 3), (3,)),
        sample((2, 2), (2, 2, 1)),
    ),
    doc="""a @ b, in batches where there are more than two axes.

    Example:
        >>> a, b = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
        >>> print(mg.matmul(a, b))
        [[11.]]
        >>> print(mg.grad(lambda a: mg.matmul(a, b).sum())(a))
        [[3. 4.]]
    """,
)  # fmt: skip


def _affine(x: Array, weight: Array, bias: Array) -> Array:
    y = _product(x, _transposed(weight))
    if type(y) is np.ndarray and y.dtype == np.result_type(y, bias):
        y += bias  # its own array: no second one is made
        return y
    return y + bias


def _affine_weight(g: Array, y: Array, x: Array, weight: Array, bias: Array) -> Array:
    """Gᵀ x over all rows at once: in the weight's own layout, so that nothing is turned over."""
    return _transposed(_rows(g)) @ _rows(x)


affine = fused(
    "affine", _affine, label="Wx + b",
    vjps=(lambda g, y, x, weight, bias: _product(g, weight), _affine_weight,
          lambda g, y, x, weight, bias: g),
    reference=lambda x, weight, bias: matmul(x, _transposed(weight)) + bias,
    samples=(sample((2, 3), (4, 3), (4,)), sample((2, 2, 3), (2, 3), (2,)),
             sample((3,), (2, 3), (2,))),
    doc="""x Wᵀ + b, as one operation.

    Example:
        >>> x, weight = np.array([[1.0, 2.0]]), np.array([[1.0, 1.0], [0.0, 2.0]])
        >>> print(mg.affine(x, weight, np.array([0.5, 0.0])))
        [[3.5 4. ]]
    """,
)  # fmt: skip


def _einsum(operands: Sequence[Array], *, subscripts: str) -> Array:
    return np.einsum(subscripts, *operands)


def _einsum_adjoint(g: Array, *operands: Array, position: int, subscripts: str) -> Array:
    """Adjoint by one operand: the output's labels and the others' give back its own.

    A label that only this operand has was summed: ones put it back. A label that it repeats
    was a diagonal: a unit matrix puts it back there.
    """
    inputs, output = _labels(subscripts)
    mine = inputs[position]
    others = [(labels, x) for k, (labels, x) in enumerate(zip(inputs, operands, strict=True))
              if k != position]  # fmt: skip
    factors: list[tuple[str, Array]] = [(output, g), *others]
    known = set("".join(labels for labels, _ in factors))
    spare = iter(sorted(set(string.ascii_letters) - known - set(mine)))
    wanted = ""
    for axis, label in enumerate(mine):
        length = operands[position].shape[axis]
        name = next(spare) if label in wanted else label
        if name != label:
            factors.append((label + name, np.eye(length, dtype=plain_dtype(g))))
        elif label not in known:
            factors.append((label, np.ones(length, dtype=plain_dtype(g))))
        wanted += name
    joined = ",".join(labels for labels, _ in factors)
    return einsum([x for _, x in factors], subscripts=f"{joined}->{wanted}")


def _labels(subscripts: str) -> tuple[list[str], str]:
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


einsum: Primitive = bilinear(
    "einsum", _einsum, adjoints=(_einsum_adjoint,), variadic=True,
    samples=(
        sample((2, 3), (3, 2), subscripts="ij,jk->ik"), sample((2, 2), subscripts="ii->i"),
        sample((2, 3), subscripts="ij->j"), sample((2,), (2, 3), (3,), subscripts="i,ij,j->"),
        sample((1, 3), (2, 3), subscripts="ij,ij->i"),
    ),
    doc="""Sums of products by the names of axes; NumPy's call is ``np.einsum(subscripts, *x)``.

    Example:
        >>> a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0])
        >>> print(mg.einsum([a, b], subscripts="ij,j->i"))
        [21. 43.]
        >>> print(np.einsum("ij,j->i", mg.Tensor(a), b))
        Tensor([21. 43.])
    """,
)  # fmt: skip


@implements(np.einsum)
def _numpy_einsum(
    subscripts: str, *operands: Array, optimize: Any = False, dtype: Any = None
) -> Array:
    """NumPy's call: an implied output, an ellipsis and spaces are written out first.

    With ``optimize``, the products are taken two at a time, in the order that NumPy finds.
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _written(subscripts, *operands)
    arrays = [x if hasattr(x, "ndim") else np.asarray(joined(x)) for x in operands]
    if dtype is not None:
        arrays = [astype(x, dtype=np.dtype(dtype)) for x in arrays]
    written = _explicit(subscripts, arrays)
    if optimize is False or len(arrays) < 3:
        return einsum(arrays, subscripts=written)
    shapes = [np.broadcast_to(0.0, x.shape) for x in arrays]
    path = np.einsum_path(written, *shapes, optimize=optimize)[0][1:]
    return _in_pairs(arrays, *_labels(written), path)


def _written(*args: Any) -> tuple[str, tuple[Array, ...]]:
    """Subscripts as a string, where axes are lists of numbers: array, axes, …, then the output."""

    def letters(axes: Any) -> str:
        if not isinstance(axes, list | tuple):
            raise TypeError(
                "einsum: expected subscripts as a string, such as 'ij,jk->ik', or each array "
                "followed by the list of its axes"
            )
        return "".join("..." if k is Ellipsis else _NUMBERED[k] for k in axes)

    inputs = ",".join(map(letters, args[1::2]))
    output = f"->{letters(args[-1])}" if len(args) % 2 else ""
    return inputs + output, args[0 : len(args) // 2 * 2 : 2]


_NUMBERED = string.ascii_uppercase + string.ascii_lowercase  # rising, as numbers are


def _in_pairs(
    arrays: list[Array], labels: list[str], output: str, path: Sequence[Sequence[int]]
) -> Array:
    """The products in the order of a path: each step takes some away and puts one behind."""
    arrays, labels = list(arrays), list(labels)
    for step in path:
        taken = [(arrays.pop(k), labels.pop(k)) for k in sorted(step, reverse=True)]
        rest = set(output).union(*labels)
        left = dict.fromkeys(c for _, text in taken for c in text if c in rest)
        kept = output if not arrays else "".join(left)
        joint = ",".join(text for _, text in taken)
        arrays.append(einsum([x for x, _ in taken], subscripts=f"{joint}->{kept}"))
        labels.append(kept)
    return arrays[0]


def _explicit(subscripts: str, operands: Sequence[Array]) -> str:
    """Subscripts with the output written, and letters in place of an ellipsis."""
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise ValueError(f"einsum: got {len(operands)} arrays for {subscripts!r}")
    spare = sorted(set(string.ascii_letters) - set(text))
    extra = [x.ndim - len(labels.replace("...", "")) for labels, x in
             zip(inputs, operands, strict=True)]  # fmt: skip
    if any(n < 0 or (n and "..." not in labels) for n, labels in zip(extra, inputs, strict=True)):
        shapes = ", ".join(str(x.shape) for x in operands)
        raise ValueError(f"einsum: {subscripts!r} does not fit the shapes {shapes}")
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, operands, strict=True):
        for label, size in zip(labels.replace("...", "." * (x.ndim - len(labels) + 3)), x.shape,
                               strict=True):  # fmt: skip
            if (
                label != "."
                and 1 not in (size, sizes.setdefault(label, size))
                and (sizes[label] != size)
            ):
                raise ValueError(
                    f"einsum: label {label} of {subscripts!r} is {sizes[label]} and {size} long"
                )
    most = max(extra, default=0)
    broadcast = "".join(spare[:most])
    inputs = [labels.replace("...", broadcast[most - n :]) for labels, n in
              zip(inputs, extra, strict=True)]  # fmt: skip
    if arrow:
        output = output.replace("...", broadcast)
    else:
        letters = "".join(inputs)
        once = sorted(c for c in set(letters) - set(broadcast) if letters.count(c) == 1)
        output = broadcast + "".join(once)
    return f"{','.join(inputs)}->{output}"


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Array, b: Array, axes: int | Sequence[Sequence[int] | int] = 2) -> Array:
    """Sum over products along pairs of axes, or over the last of ``a`` and first of ``b``.

    Example:
        >>> print(mg.tensordot(np.ones((2, 3)), np.ones((3, 2)), axes=1))
        [[3. 3.]
         [3. 3.]]
    """
    of_a, of_b = np.shape(a), np.shape(b)
    n, m = len(of_a), len(of_b)
    if isinstance(axes, int):
        pairs = [(n - axes + k, k) for k in range(axes)]
    else:
        mine, others = axes
        pairs = list(zip(axes_of(mine, n), axes_of(others, m), strict=True))
    letters = string.ascii_letters
    left, right = list(letters[:n]), list(letters[n : n + m])
    for i, j in pairs:
        if of_a[i] != of_b[j]:
            raise ValueError(f"tensordot: axis {i} of {of_a} and axis {j} of {of_b} differ")
        right[j] = left[i]
    summed = {left[i] for i, _ in pairs}
    output = "".join(c for c in left + right if c not in summed)
    return einsum([a, b], subscripts=f"{''.join(left)},{''.join(right)}->{output}")


@implements(np.dot)
def dot(a: Array, b: Array) -> Array:
    """NumPy's dot: a product with a number, else a sum over the last axis of ``a``.

    Example:
        >>> print(mg.dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
        11.0
    """
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,)))


@implements(np.inner)
def inner(a: Array, b: Array) -> Array:
    """Sums of products over the last axes of both; a product with a number.

    Example:
        >>> print(mg.inner(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
        11.0
    """
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return tensordot(a, b, (-1, -1))


@implements(np.vdot)
def vdot(a: Array, b: Array) -> Array:
    """The sum of all products, the first factors conjugated.

    Example:
        >>> print(mg.vdot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
        11.0
    """
    a, b = (ravel(x) if hasattr(x, "ndim") else np.ravel(x) for x in (a, b))
    if a.shape != b.shape:
        raise ValueError(f"vdot: got {a.size} and {b.size} entries, expected as many")
    return matmul(np.conj(a), b)


@implements(np.vecdot)
def vecdot(a: Array, b: Array, axis: int = -1, keepdims: bool = False) -> Array:
    """Sums of products along an axis, the first factors conjugated.

    Example:
        >>> print(mg.vecdot(np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([3.0, 4.0])))
        [11.  4.]
    """
    if not np.ndim(a) or not np.ndim(b):
        raise ValueError("vecdot: got a number, expected vectors")
    a, b = (moveaxis(x, axis, -1) for x in (a, b))
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"vecdot: vectors of {a.shape[-1]} and {b.shape[-1]} entries differ")
    y = matmul(np.expand_dims(np.conj(a), -2), np.expand_dims(b, -1))[..., 0, 0]
    return np.expand_dims(y, axis) if keepdims else y


@implements(np.linalg.vecdot)
def _linalg_vecdot(a: Array, b: Array, *, axis: int = -1) -> Array:
    return vecdot(a, b, axis)


@implements(np.matvec)
def matvec(a: Array, b: Array) -> Array:
    """Products of matrices (..., m, n) and vectors (..., n).

    Example:
        >>> print(mg.matvec(np.array([[1.0, 2.0]]), np.array([3.0, 4.0])))
        [11.]
    """
    if np.ndim(a) < 2 or not np.ndim(b):
        raise ValueError(f"matvec: got {np.shape(a)} and {np.shape(b)}, expected matrices "
                         "and vectors")  # fmt: skip
    return matmul(a, np.expand_dims(b, -1))[..., 0]


@implements(np.vecmat)
def vecmat(a: Array, b: Array) -> Array:
    """Products of conjugated vectors (..., m) and matrices (..., m, n).

    Example:
        >>> print(mg.vecmat(np.array([3.0, 4.0]), np.array([[1.0], [2.0]])))
        [11.]
    """
    if np.ndim(b) < 2 or not np.ndim(a):
        raise ValueError(f"vecmat: got {np.shape(a)} and {np.shape(b)}, expected vectors "
                         "and matrices")  # fmt: skip
    return matmul(np.expand_dims(np.conj(a), -2), b)[..., 0, :]


@implements(np.linalg.matmul)
def _linalg_matmul(a: Array, b: Array) -> Array:
    return matmul(a, b)


@implements(np.kron)
def kron(a: Array, b: Array) -> Array:
    """The Kronecker product: every entry of ``a`` times the whole of ``b``.

    Example:
        >>> print(mg.kron(np.array([1.0, 10.0]), np.array([1.0, 2.0])))
        [ 1.  2. 10. 20.]
    """
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    ndim = max(a.ndim, b.ndim)
    mine, others = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    product = (reshape(a, shape=tuple(n for k in mine for n in (k, 1)))
               * reshape(b, shape=tuple(n for k in others for n in (1, k))))  # fmt: skip
    return reshape(product, shape=tuple(m * n for m, n in zip(mine, others, strict=True)))


@implements(np.cross)
def cross(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The vector product of vectors of three entries; of two, the third entry alone is left.

    Args:
        a: vectors along ``axisa``.
        b: vectors along ``axisb``.
        axisa: along which.
        axisb: along which.
        axisc: along which the result's are.
        axis: all three of them.

    Example:
        >>> print(mg.cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])))
        [0. 0. 1.]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    if not a.ndim or not b.ndim:
        raise ValueError(f"cross: got {a.shape} and {b.shape}, expected vectors")
    a, b = (moveaxis(x, axis_of(k, x.ndim), -1) for x, k in ((a, axisa), (b, axisb)))
    if not {a.shape[-1], b.shape[-1]} <= {2, 3}:
        raise ValueError(f"cross: got vectors of {a.shape[-1]} and {b.shape[-1]} entries, "
                         "expected 3 (or 2)")  # fmt: skip

    def turned(i: int, j: int) -> Array:
        return a[..., i] * b[..., j] - a[..., j] * b[..., i]

    if a.shape[-1] == b.shape[-1] == 2:
        return turned(0, 1)
    a, b = (x if x.shape[-1] == 3 else pad_last(x) for x in (a, b))
    return moveaxis(np.stack([turned(1, 2), turned(2, 0), turned(0, 1)], axis=-1), -1, axisc)


def pad_last(x: Array) -> Array:
    """One 0 behind the last entries."""
    return scatter(x, index=(..., slice(0, -1)), shape=(*x.shape[:-1], x.shape[-1] + 1))


@implements(np.linalg.cross)
def _linalg_cross(a: Array, b: Array, *, axis: int = -1) -> Array:
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError(f"cross: got {a.shape} and {b.shape}, expected vectors of 3 entries along "
                         f"axis {axis}")  # fmt: skip
    return cross(a, b, axis=axis)


@implements(np.linalg.outer)
def _linalg_outer(a: Array, b: Array) -> Array:
    if np.ndim(a) != 1 or np.ndim(b) != 1:
        raise ValueError(f"outer: got {np.shape(a)} and {np.shape(b)}, expected two vectors")
    return outer(a, b)


@implements(np.outer)
def outer(a: Array, b: Array) -> Array:
    """Every entry of ``a`` times every entry of ``b``, as a matrix.

    Example:
        >>> print(mg.outer(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
        [[3. 4.]
         [6. 8.]]
    """
    a, b = (ravel(x) if hasattr(x, "ndim") else np.ravel(x) for x in (a, b))
    return np.expand_dims(a, 1) * np.expand_dims(b, 0)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Array]) -> Array:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Args:
        arrays: two matrices or more; the first and the last may be vectors.

    Example:
        >>> a, b = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
        >>> print(mg.multi_dot([a, b, a]))
        [[11. 22.]]
    """
    arrays = [x if hasattr(x, "ndim") else np.asarray(x) for x in arrays]
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: got {len(arrays)} arrays, expected two or more")
    ends = {0, len(arrays) - 1}
    if any(x.ndim != 2 and not (x.ndim == 1 and k in ends) for k, x in enumerate(arrays)):
        shapes = ", ".join(str(x.shape) for x in arrays)
        raise np.linalg.LinAlgError(f"multi_dot: got {shapes}, expected matrices, or vectors at "
                                    "both ends")  # fmt: skip
    letters = string.ascii_letters[: len(arrays) + 1]
    labels = [letters[k : k + 2] for k in range(len(arrays))]
    outer = letters[0] + letters[-1]
    if arrays[0].ndim == 1:
        labels[0], outer = labels[0][1], outer[1:]
    if arrays[-1].ndim == 1:
        labels[-1], outer = labels[-1][0], outer[:-1]
    return _numpy_einsum(f"{','.join(labels)}->{outer}", *arrays, optimize="optimal")
