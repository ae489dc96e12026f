"""Layers and losses, written in minigrad's own primitives."""

from minigrad.nn.attention import Attention, scaled_dot_product_attention
from minigrad.nn.cells import (
    Cell,
    CoupledLSTMCell,
    DiagonalPeepholeLSTMCell,
    GRUCell,
    JordanCell,
    LayerNormLSTMCell,
    LSTMCell,
    MGUCell,
    MinGRUCell,
    MinLSTMCell,
    NoForgetLSTMCell,
    PeepholeLSTMCell,
    ProjectedLSTMCell,
    ResetAfterGRUCell,
    RNNCell,
    ScanCell,
    SLSTMCell,
)
from minigrad.nn.linear import Gate, Linear
from minigrad.nn.losses import mse_loss
from minigrad.nn.module import Module, Seed
from minigrad.nn.recurrent import GRU, LSTM, RNN, Recurrent, detach, scan
from minigrad.tensor import Parameter

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Attention",
    "Cell",
    "CoupledLSTMCell",
    "DiagonalPeepholeLSTMCell",
    "GRUCell",
    "Gate",
    "JordanCell",
    "LSTMCell",
    "LayerNormLSTMCell",
    "Linear",
    "MGUCell",
    "MinGRUCell",
    "MinLSTMCell",
    "Module",
    "NoForgetLSTMCell",
    "Parameter",
    "PeepholeLSTMCell",
    "ProjectedLSTMCell",
    "RNNCell",
    "Recurrent",
    "ResetAfterGRUCell",
    "SLSTMCell",
    "ScanCell",
    "Seed",
    "detach",
    "mse_loss",
    "scaled_dot_product_attention",
    "scan",
]
