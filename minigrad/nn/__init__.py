"""Layers and losses, written in minigrad's own primitives."""

from minigrad.nn import init
from minigrad.nn.attention import (
    AdditiveAttention,
    Attention,
    attend,
    causal_mask,
    cosine_similarity,
    dot_product_attention,
    scaled_dot_product_attention,
)
from minigrad.nn.cell import Cell, Gate
from minigrad.nn.cells import (
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
from minigrad.nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from minigrad.nn.convolution import Conv1d, Conv2d
from minigrad.nn.ctc import ctc_loss
from minigrad.nn.dropout import Dropout, Dropout1d, Dropout2d, Dropout3d
from minigrad.nn.embedding import Embedding
from minigrad.nn.linear import Linear
from minigrad.nn.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
)
from minigrad.nn.module import Module, Seed
from minigrad.nn.multihead import MultiheadAttention
from minigrad.nn.normalisation import LayerNorm, RMSNorm
from minigrad.nn.positional import (
    LearnedPositionalEncoding,
    PositionalEncoding,
    rotary_encoding,
    sinusoidal_encoding,
)
from minigrad.nn.recurrent import GRU, LSTM, RNN, Recurrent
from minigrad.nn.states import load_state, save_state
from minigrad.nn.summary import summary
from minigrad.nn.transformer import (
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from minigrad.nn.unrolling import detach, scan
from minigrad.tensor import Parameter

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AdditiveAttention",
    "Attention",
    "Cell",
    "Conv1d",
    "Conv2d",
    "CoupledLSTMCell",
    "DiagonalPeepholeLSTMCell",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "GRUCell",
    "Gate",
    "JordanCell",
    "LSTMCell",
    "LayerNorm",
    "LayerNormLSTMCell",
    "LearnedPositionalEncoding",
    "Linear",
    "MGUCell",
    "MinGRUCell",
    "MinLSTMCell",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "NoForgetLSTMCell",
    "Parameter",
    "ParameterList",
    "PeepholeLSTMCell",
    "PositionalEncoding",
    "ProjectedLSTMCell",
    "RMSNorm",
    "RNNCell",
    "Recurrent",
    "ResetAfterGRUCell",
    "SLSTMCell",
    "ScanCell",
    "Seed",
    "Sequential",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "attend",
    "binary_cross_entropy_with_logits",
    "causal_mask",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "detach",
    "dot_product_attention",
    "huber_loss",
    "init",
    "kl_div",
    "l1_loss",
    "load_state",
    "mse_loss",
    "rotary_encoding",
    "save_state",
    "scaled_dot_product_attention",
    "scan",
    "sinusoidal_encoding",
    "summary",
]
