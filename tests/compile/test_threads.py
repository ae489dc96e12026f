"""Programs of small products run on one thread, and what the BLAS was set to is put back."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad.compile.threads import ONE_THREAD, wants_one_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def counts():
    return [lib["num_threads"] for lib in threadpoolctl.threadpool_info()
            if lib["user_api"] == "blas"]  # fmt: skip


def wants(function, *arrays):
    compiled = mg.jit(function)
    return wants_one_thread(compiled.recording(compiled._flat(arrays, {})).program)


def zeros(*shapes):
    return [np.zeros(shape, np.float32) for shape in shapes]


def test_only_programs_whose_products_are_small_but_shared_want_one_thread():
    assert wants(np.matmul, *zeros((512, 64), (64, 256)))
    assert not wants(np.matmul, *zeros((8, 8), (8, 8)))  # the BLAS shares no such product
    assert not wants(np.matmul, *zeros((1024, 128), (128, 512)))
    assert not wants(lambda a, b, c: (a @ b).sum() + c @ c,
                     *zeros((512, 64), (64, 256), (512, 512)))  # fmt: skip
    assert wants(np.matmul, *zeros((64, 128, 64), (64, 64, 128)))  # 64 products, one by one
    assert not wants(np.matmul, *zeros((64, 128, 64), (64, 256)))  # one product
    assert not wants(np.tanh, *zeros((512, 512)))


def test_the_threads_are_put_back():
    with threadpoolctl.threadpool_limits(2, "blas"):
        before = counts()
        with ONE_THREAD:
            assert set(counts()) <= {1}
            with ONE_THREAD:
                pass
            assert set(counts()) <= {1}
        assert counts() == before
        with pytest.raises(ZeroDivisionError), ONE_THREAD:
            1 / 0  # noqa: B018
        assert counts() == before


def test_a_program_runs_on_the_threads_that_it_wants():
    seen = []

    class Seeing(np.random.Generator):
        def normal(self, *args, **kwargs):
            seen.append(set(counts()))
            return super().normal(*args, **kwargs)

    rng = np.random.default_rng(0)
    compiled = mg.jit(lambda a, b, rng: a @ b + rng.normal())
    with threadpoolctl.threadpool_limits(2, "blas"):
        for small, shapes in ((True, ((512, 64), (64, 256))), (False, ((8, 8), (8, 8)))):
            arrays = zeros(*shapes)
            compiled(*arrays, rng)
            compiled(*arrays, Seeing(rng.bit_generator))
            assert (seen.pop() == {1}) == small
