"""Optimisers: how parameters follow their gradients; with schedules and clipping."""

from minigrad.optim.adaptive import Adagrad, Adam, AdamW, RMSProp
from minigrad.optim.clip import clip_grad_norm, clip_grad_value
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedules import Schedule, constant, cosine, step_decay, warm_up
from minigrad.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSProp",
    "Schedule",
    "clip_grad_norm",
    "clip_grad_value",
    "constant",
    "cosine",
    "step_decay",
    "warm_up",
]
