"""Optimisers: how parameters follow their gradients; with schedules and clipping."""

from typing import Any

from minigrad.elsewhere import advice
from minigrad.optim import lr_scheduler
from minigrad.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam
from minigrad.optim.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from minigrad.optim.clip import clip_grad_norm, clip_grad_value
from minigrad.optim.lbfgs import LBFGS
from minigrad.optim.muon import Muon, orthogonalised
from minigrad.optim.optimizer import Optimizer, Parameters, Setting
from minigrad.optim.schedules import (
    Plateau,
    Schedule,
    constant,
    cosine,
    cyclic,
    exponential,
    linear,
    multi_step,
    one_cycle,
    polynomial,
    scaled,
    step_decay,
    warm_restarts,
    warm_up,
)
from minigrad.optim.sgd import SGD

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Muon", "NAdam", "Optimizer",
    "Parameters", "Plateau", "RAdam", "RMSprop", "Rprop", "Schedule", "Setting", "clip_grad_norm",
    "clip_grad_value", "constant", "cosine", "cyclic", "exponential", "linear", "lr_scheduler",
    "multi_step", "one_cycle", "orthogonalised", "polynomial", "scaled", "step_decay",
    "warm_restarts", "warm_up",
]  # fmt: skip

_ELSEWHERE = {
    "RMSProp": "RMSprop",
    "clip_grad_norm_": "clip_grad_norm",
    "clip_grad_value_": "clip_grad_value",
    "utils": "clip_grad_norm",
    "SparseAdam": "Adam: there are no sparse gradients here",
    "ASGD": "SGD or Adam",
    "Adafactor": "Adam",
}
"""What is sought here, and what to write."""


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minigrad.optim has no {name}{advice(_ELSEWHERE, name)}")
