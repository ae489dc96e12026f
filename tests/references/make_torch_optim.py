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
}  # fmt: skip
SCHEDULES = {
    "step_decay": lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40, 0.01),
}
LIMITS = {"norm": 0.7, "loose": 100.0, "value": 0.3}

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
for name, make in SCHEDULES.items():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule, rates = make(optimizer), []
    for _ in range(40):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    arrays[f"schedule/{name}"] = np.array(rates)
for name, limit in LIMITS.items():
    parts = [torch.zeros(3, 4, dtype=torch.float64), torch.zeros(5, dtype=torch.float64)]
    parts[0].grad, parts[1].grad = torch.tensor(start), torch.tensor(noise[0, 0, :1].repeat(5))
    if name == "value":
        torch.nn.utils.clip_grad_value_(parts, limit)
    else:
        arrays[f"clip/{name}/was"] = torch.nn.utils.clip_grad_norm_(parts, limit).numpy()
    for k, part in enumerate(parts):
        arrays[f"clip/{name}/{k}"] = part.grad.numpy()
np.savez_compressed(Path(__file__).with_name("torch_optim.npz"), **arrays)
