"""Claims about the parts of nn that verify judges: all pass, and bugs in them are caught."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import nn
from minigrad.primitives import PRIMITIVES
from minigrad.targets import TargetError, builtin, resolve, target_of
from minigrad.targets.parts import PARTS, Part
from minigrad.verify import verify


@pytest.mark.parametrize("name", PARTS)
def test_every_part_passes_its_judges(name):
    report = verify(name)
    assert report.passed, [check.failures for check in report.checks]
    assert {check.judge for check in report.checks} == set(PARTS[name].judges) | {"exact"}
    assert any(check.order == 2 for check in report.checks)


def test_parts_are_among_all_targets():
    assert set(PARTS) <= {target.name for target in builtin()}


def test_a_part_is_no_layer_over_time():
    with pytest.raises(TargetError, match="layer-norm: got a part, expected a cell or a layer"):
        resolve("layer-norm").module(2, 3)


def test_every_parameter_of_a_two_block_transformer_is_judged():
    exact = verify("encoder").checks[0]
    names = [f"layers.{k}.{n}" for k in (0, 1) for n in ("norm1.weight", "self_attn.in_proj_bias")]
    assert {*names, "x", "norm.bias"} <= set(exact.shapes)


def test_a_wrong_softmax_is_caught_where_it_is_used(planted):
    wrong = (
        lambda g, y, x, *, axis=-1, where=None: y * (g - (g * y).sum(axis=axis)[..., None] / 2),
    )
    with planted("softmax", vjps=wrong):
        report = verify("multi-head")
    assert not any(check.passed for check in report.checks)
    assert any("softmax" in failure for failure in report.checks[0].failures)


def test_a_wrong_backward_pass_of_a_block_is_caught_where_it_is_used(planted):
    backward, rules = PRIMITIVES["flash_attention"].backward, PRIMITIVES["flash_attention"].vjps

    def doubled(*args, **static):
        of_query, of_key, of_value = backward(*args, **static)
        return 2 * of_query, of_key, of_value

    vjps = (lambda *args, **static: 2 * rules[0](*args, **static), *rules[1:])
    with planted("flash_attention", backward=doubled, vjps=vjps):
        report = verify("encoder")
    failed = {(check.judge, check.order) for check in report.checks if not check.passed}
    assert failed == {("exact", 1), ("exact", 2), ("numeric", 1)}
    assert any("flash_attention" in failure for failure in report.checks[0].failures)


def test_a_norm_that_takes_its_variance_for_a_constant_is_caught():
    class Detached(nn.LayerNorm):
        def forward(self, x):
            centred = x - np.mean(x, axis=-1, keepdims=True)
            variance = np.mean(centred.detach() ** 2, axis=-1, keepdims=True)
            return centred / np.sqrt(variance + self.eps) * self.weight + self.bias

    part = Part(lambda rng, dtype: Detached(3, dtype=dtype), {"x": (2, 3)}, lambda m, x: m(x))
    report = verify(target_of(part, "detached"))
    assert {c.judge for c in report.checks if not c.passed} == {"proof", "exact", "numeric"}
