"""Makes torch_func.npz with torch.func: ``python -m tests.references.make_torch_func``.

Per program of `nestings` its value, its gradient, and its Hessian times a direction. Needs
PyTorch (2.13 made the stored ones), which neither the package nor its tests do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import func

from tests.references.nestings import COUNT, DIRECTION, POINT, WIDTH, program, run


def _times_value(f, a):
    slope, value = func.grad_and_value(f)(a)
    return value * slope


TORCH = {
    "add": torch.add, "mul": torch.mul, "times": torch.mul, "sin": torch.sin, "tanh": torch.tanh,
    "sum": torch.sum, "spread": lambda s: s * torch.ones(WIDTH, dtype=torch.float64),
    "grad_s": lambda f, a: func.grad(f)(a), "grad_v": lambda f, a: func.grad(f)(a),
    "value_and_grad": _times_value,
    "vjp_s": lambda f, a, u: func.vjp(f, a)[1](u)[0],
    "vjp_v": lambda f, a, u: func.vjp(f, a)[1](u)[0],
    "jvp_s": lambda f, a, t: func.jvp(f, (a,), (t,))[1],
    "jvp_v": lambda f, a, t: func.jvp(f, (a,), (t,))[1],
    "jacobian_s": lambda f, a: func.jacrev(f)(a),
    "jacobian_v": lambda f, a, t: func.jacrev(f)(a) @ t,
    "hessian": lambda f, a, t: func.hessian(f)(a) @ t,
    "hvp": lambda f, a, t: func.jvp(func.grad(f), (a,), (t,))[1],
}  # fmt: skip


def main() -> None:
    point = torch.tensor(POINT, dtype=torch.float64)
    direction = torch.tensor(DIRECTION, dtype=torch.float64)
    rows = []
    for seed in range(COUNT):
        expression = program(seed)
        whole = lambda x: run(expression, {"x": x}, TORCH)  # noqa: B023, E731
        gradient, value = func.grad_and_value(whole)(point)
        second = func.jvp(func.grad(whole), (point,), (direction,))[1]
        rows.append(torch.cat([value[None], gradient, second]).numpy())
    np.savez_compressed(Path(__file__).with_name("torch_func.npz"), programs=np.stack(rows))


if __name__ == "__main__":
    main()
