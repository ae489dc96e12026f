"""The recurrent layers that have a name: `Recurrent` with a cell."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minigrad.nn.cells import (
    GRUCell,
    LSTMCell,
    ProjectedLSTMCell,
    ResetAfterGRUCell,
    RNNCell,
)
from minigrad.nn.recurrent import Recurrent


class RNN(Recurrent):
    """Elman's network over a sequence: `Recurrent` with `RNNCell`.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        num_layers: as for `Recurrent`; so are the others that are not named here.
        nonlinearity: ``"tanh"`` or ``"relu"``; any other function as ``activation``.
        bias: see `Recurrent`.
        batch_first: see `Recurrent`.
        dropout: see `Recurrent`.
        bidirectional: see `Recurrent`.
        rest: see `Recurrent`.

    Example:
        >>> y, h = nn.RNN(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    cell_type = RNNCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **rest: Any,
    ) -> None:
        if nonlinearity != "tanh":
            rest["cell"] = partial(rest.get("cell") or RNNCell, nonlinearity=nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **rest
        )


class LSTM(Recurrent):
    """Long short-term memory over a sequence: `Recurrent` with `LSTMCell`.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        num_layers: as for `Recurrent`; so are the others that are not named here.
        bias: see `Recurrent`.
        batch_first: see `Recurrent`.
        dropout: see `Recurrent`.
        bidirectional: see `Recurrent`.
        proj_size: width to which h is projected; 0 for no projection: see `ProjectedLSTMCell`.
        rest: as for `Recurrent`.

    Example:
        >>> y, (h, c) = nn.LSTM(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape, c.shape
        ((2, 5, 8), (1, 2, 8), (1, 2, 8))
    """

    cell_type = LSTMCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        **rest: Any,
    ) -> None:
        if proj_size:
            rest["cell"] = partial(rest.get("cell") or ProjectedLSTMCell, proj_size=proj_size)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **rest
        )


class GRU(Recurrent):
    """Gated recurrent units over a sequence: `Recurrent` with `GRUCell`.

    Args:
        input_size: width of x_t.
        hidden_size: width of the state.
        num_layers: as for `Recurrent`; so are the others that are not named here.
        bias: see `Recurrent`.
        batch_first: see `Recurrent`.
        dropout: see `Recurrent`.
        bidirectional: see `Recurrent`.
        reset_after: the variant of PyTorch, cuDNN and Keras, whose weights only fit that:
            `ResetAfterGRUCell`.
        rest: as for `Recurrent`.

    Example:
        >>> y, h = nn.GRU(3, 8)(np.ones((2, 5, 3)))  # (batch, time, features)
        >>> y.shape, h.shape
        ((2, 5, 8), (1, 2, 8))
    """

    cell_type = GRUCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        reset_after: bool = False,
        **rest: Any,
    ) -> None:
        if reset_after:
            rest.setdefault("cell", ResetAfterGRUCell)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **rest
        )

    @classmethod
    def _keras_options(cls, bias: np.ndarray) -> dict[str, Any]:
        return {"reset_after": bias.ndim == 2}  # one bias for x, and one for h
