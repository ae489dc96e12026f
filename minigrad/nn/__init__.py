"""Layers and losses, written in minigrad's own primitives."""

from minigrad.nn.attention import Attention, scaled_dot_product_attention
from minigrad.nn.cells import Cell, GRUCell, LSTMCell, RNNCell
from minigrad.nn.linear import Gate, Linear
from minigrad.nn.losses import mse_loss
from minigrad.nn.module import Module, Seed
from minigrad.nn.recurrent import GRU, LSTM, RNN, Recurrent
from minigrad.tensor import Parameter

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Attention",
    "Cell",
    "GRUCell",
    "Gate",
    "LSTMCell",
    "Linear",
    "Module",
    "Parameter",
    "RNNCell",
    "Recurrent",
    "Seed",
    "mse_loss",
    "scaled_dot_product_attention",
]
