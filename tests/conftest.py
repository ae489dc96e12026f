"""Shared by all tests: one seeded generator, and arrays of any shape."""

# ruff: noqa: E402 (the variables are read when NumPy is loaded)

from __future__ import annotations

import os

# Tests run side by side: threads of their own would only wait for each other
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest

from minigrad.primitives import PRIMITIVES, primitive


@pytest.fixture
def rng() -> np.random.Generator:
    """Always the same numbers, so a failure can be seen again."""
    return np.random.default_rng(20240229)


@pytest.fixture
def planted() -> Callable[..., AbstractContextManager[None]]:
    """Context manager that gives a primitive other fields, by name, for a while."""

    @contextmanager
    def plant(name: str, **fields: Any) -> Iterator[None]:
        primitive = PRIMITIVES[name]
        before = {field: getattr(primitive, field) for field in fields}
        try:
            for field, value in fields.items():
                object.__setattr__(primitive, field, value)
            yield
        finally:
            for field, value in before.items():
                object.__setattr__(primitive, field, value)

    return plant


@pytest.fixture
def on_trial() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    with primitive.on_trial():
        yield
