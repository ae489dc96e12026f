"""Makes torch_optim.npz with PyTorch: ``python tests/references/make_torch_optim.py``.

Each optimiser takes 100 steps down a valley that is steep in some directions and flat in others,
with a little noise in the gradients; stored are settings, start, noise and every tenth position.
Needs PyTorch (2.13 made the stored ones), which neither the package nor its tests do.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

STEPS, EVERY = 100, 10
CASES: dict[str, tuple[str, dict]] = {
    "sgd": ("SGD", {"lr": 0.05}),
    "sgd-decay": ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    "momentum": ("SGD", {"lr": 0.02, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "rmsprop": ("RMSprop", {"lr": 0.01}),
    "rmsprop-all": ("RMSprop", {"lr": 0.005, "alpha": 0.9, "momentum": 0.5, "centered": True,
                                "weight_decay": 0.02, "eps": 1e-6}),
    "adagrad": ("Adagrad", {"lr": 0.1}),
    "adagrad-all": ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.02,
                                "initial_accumulator_value": 0.5, "eps": 1e-7}),
    "adam": ("Adam", {"lr": 0.02}),
    "adam-decay": ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    "adamw": ("AdamW", {"lr": 0.02, "weight_decay": 0.1}),
    "sgd-dampening": ("SGD", {"lr": 0.02, "momentum": 0.9, "dampening": 0.4}),
    "adam-amsgrad": ("Adam", {"lr": 0.02, "amsgrad": True}),
    "adamax": ("Adamax", {"lr": 0.02, "weight_decay": 0.1}),
    "nadam": ("NAdam", {"lr": 0.02, "momentum_decay": 0.01, "weight_decay": 0.1,
                        "decoupled_weight_decay": True}),
    "radam": ("RAdam", {"lr": 0.02, "weight_decay": 0.1}),
    "adadelta": ("Adadelta", {"lr": 0.7, "rho": 0.8, "weight_decay": 0.02}),
    "rprop": ("Rprop", {"lr": 0.02, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.3)}),
    "muon": ("Muon", {"lr": 0.02, "weight_decay": 0.2}),
    "muon-rms": ("Muon", {"lr": 0.02, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"}),
}  # fmt: skip
schedulers = torch.optim.lr_scheduler
SCHEDULES = {
    "StepLR": {"step_size": 7, "gamma": 0.5},
    "MultiStepLR": {"milestones": [3, 10, 10, 30], "gamma": 0.6},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"start_factor": 0.25, "total_iters": 9},
    "PolynomialLR": {"total_iters": 30, "power": 1.7},
    "CosineAnnealingLR": {"T_max": 25, "eta_min": 0.01},
    "CosineAnnealingWarmRestarts": {"T_0": 6, "T_mult": 2, "eta_min": 0.01},
    "OneCycleLR": {"max_lr": 0.5, "total_steps": 41},
    "OneCycleLR-linear": {"max_lr": 0.5, "total_steps": 41, "anneal_strategy": "linear",
                          "three_phase": True},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 4, "step_size_down": 7},
    "CyclicLR-halved": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 5, "mode": "triangular2"},
    "CyclicLR-range": {"base_lr": 0.1, "max_lr": 0.5, "step_size_up": 5, "mode": "exp_range",
                       "gamma": 0.95},
}  # fmt: skip
FIGURES = [5.0, 4.0, 4.1, 4.0, 3.9999, 4.2, 3.0, 3.1, 3.1, 3.2, 3.3, 3.3, 2.0, 2.5, 2.5, 2.5, 2.5]
LIMITS = {"norm": 0.7, "loose": 100.0, "value": 0.3, "l1": 2.0, "largest": 0.9}
NORMS = {"l1": 1.0, "largest": float("inf")}

torch.Tensor.bfloat16 = torch.Tensor.clone  # in which Muon's polynomial is rounded

rng = np.random.default_rng(7)
start, steep = rng.normal(size=(3, 4)), np.geomspace(0.05, 8, 12).reshape(3, 4)
noise = 0.1 * rng.normal(size=(STEPS, 3, 4))
arrays = {"start": start, "steep": steep, "noise": noise}
for case, (kind, settings) in CASES.items():
    x = torch.tensor(start, requires_grad=True)
    optimizer = getattr(torch.optim, kind)([x], **settings)
    path = []
    for k in range(STEPS):
        optimizer.zero_grad()
        (torch.tensor(steep) * x**2 / 2 + torch.tensor(noise[k]) * x).sum().backward()
        optimizer.step()
        if (k + 1) % EVERY == 0:
            path.append(x.detach().numpy().copy())
    arrays[f"{case}/path"] = np.array(path)
    arrays[f"{case}/settings"] = np.frombuffer(json.dumps([kind, settings]).encode(), np.uint8)
for name, settings in SCHEDULES.items():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3, momentum=0.9)
    schedule = getattr(schedulers, name.partition("-")[0])(optimizer, **settings)
    rates, momenta = [], []
    for _ in range(40):
        rates.append(schedule.get_last_lr()[0])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        schedule.step()
    arrays[f"schedule/{name}/lr"], arrays[f"schedule/{name}/momentum"] = rates, momenta
    arrays[f"schedule/{name}/settings"] = np.frombuffer(json.dumps(settings).encode(), np.uint8)
for mode in ("rel", "abs"):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    plateau = schedulers.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=1, threshold=0.05, threshold_mode=mode, cooldown=1,
        min_lr=0.06,
    )  # fmt: skip
    rates = []
    for figure in FIGURES:
        plateau.step(figure)
        rates.append(optimizer.param_groups[0]["lr"])
    arrays[f"plateau/{mode}"], arrays["plateau/figures"] = rates, FIGURES
for name, settings in (
    ("plain", {"lr": 0.3}), ("wolfe", {"line_search_fn": "strong_wolfe", "history_size": 3}),
):  # fmt: skip
    x = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.LBFGS([x], max_iter=3, **settings)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()  # noqa: B023
        loss = (torch.tensor(steep) * x**2 / 2 + torch.cos(3 * x)).sum()  # noqa: B023
        loss.backward()
        return loss

    path = []
    for _ in range(5):
        optimizer.step(closure)
        path.append(x.detach().numpy().copy())
    arrays[f"lbfgs/{name}"] = np.array(path)
    arrays[f"lbfgs/{name}/settings"] = np.frombuffer(json.dumps(settings).encode(), np.uint8)
for name, limit in LIMITS.items():
    parts = [torch.zeros(3, 4, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)]
    parts[0].grad, parts[1].grad = torch.tensor(start), torch.tensor(noise[0, 0, :1].repeat(5))
    if name == "value":
        torch.nn.utils.clip_grad_value_(parts, limit)
    else:
        was = torch.nn.utils.clip_grad_norm_(parts, limit, NORMS.get(name, 2.0))
        arrays[f"clip/{name}/was"] = was.numpy()
    for k, part in enumerate(parts):
        arrays[f"clip/{name}/{k}"] = part.grad.numpy()
np.savez_compressed(Path(__file__).with_name("torch_optim.npz"), **arrays)
