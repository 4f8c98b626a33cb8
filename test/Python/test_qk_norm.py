# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QK-norm against its formula."""

import fovea
import numpy as np
import pytest
from fovea import positions
from reference import check
from test_positions import row_numbers, turn

causal = lambda b, h, i, j: i >= j


def norm(x, gain, epsilon=1e-6):
    x = x.astype(np.float64)
    return np.asarray(gain, np.float64) * x / np.sqrt(np.mean(x * x, -1, keepdims=True) + epsilon)


def gains(columns, seed=3):
    return np.random.default_rng(seed).uniform(0.5, 2, (2, columns)).astype(np.float32)


@pytest.mark.parametrize("target", ["host", "loops", "cpu:x86-64-v3"])
@pytest.mark.parametrize("columns", [64, 41, 3])
def test_both(make, columns, target):
    q, k, v = make(Hq=4, Nq=33, Nk=75, Dk=columns, Hkv=2, Dv=48)
    a, b = gains(columns)
    out, lse = fovea.attention(5 * q, k, v, query_norm=a, key_norm=b, is_causal=True, q_offset=42, enable_gqa=True, return_lse=True,
                               target=target, threads=3)
    check(out, lse, norm(5 * q, a), norm(k, b), v, mask_mod=causal, q_offset=42)


@pytest.mark.parametrize("pairing", ["half", "interleaved"])
def test_rope_turns_normalised_rows(make, pairing):
    q, k, v = make(Hq=4, Nq=20, Nk=50, Dk=64)
    a, b = gains(64)
    rope = positions.rope(48, pairing=pairing)
    swap = lambda x: x.transpose(0, 2, 1, 3)
    out = fovea.attention(swap(q), swap(k), swap(v), rope=rope, query_norm=a, key_norm=b, norm_epsilon=1e-3, is_causal=True, q_offset=30,
                          layout="bnhd")
    check(swap(out), None, turn(norm(q, a, 1e-3), rope, row_numbers(2, 20, 30)), turn(norm(k, b, 1e-3), rope, row_numbers(2, 50)), v,
          mask_mod=causal, q_offset=30)


def test_given_positions_and_one_side(make):
    q, k, v = make(Nq=9, Nk=30)
    rope = positions.rope(32)
    at, kat = (np.random.default_rng(1).integers(0, 300, (2, n)) for n in (9, 30))
    out = fovea.attention(q, k, v, rope=rope, query_positions=at, key_positions=kat, key_norm=True)
    check(out, None, turn(q, rope, at), turn(norm(k, 1), rope, kat), v)


@pytest.mark.parametrize("target", ["host", "loops"])
def test_strides(make, target):
    """Columns apart and backwards, of rows and of gains."""
    q, k, v = make(Nq=21, Nk=40, Dk=32)
    a, b = gains(64)[:, ::2]
    apart = lambda x: np.repeat(x, 2, -1)[..., ::-2]
    out = fovea.attention(apart(q), apart(k), v, query_norm=a, key_norm=b, rope=positions.rope(20), target=target)
    rows = lambda x, g: turn(norm(x[..., ::-1], g), positions.rope(20), row_numbers(2, x.shape[2]))
    check(out, None, rows(q, a), rows(k, b), v)


def test_pointwise(make):
    q, k, v = make(Nq=21, Nk=40, Dk=32)
    out = fovea.attention(q, k, v, query_norm=True, key_norm=True, weights="pointwise", score_mod=lambda s, b, h, i, j: fovea.maximum(s, 0))
    s = np.einsum("bhid,bhjd->bhij", norm(q, 1), norm(k, 1)) / np.sqrt(32)
    np.testing.assert_allclose(out, np.maximum(s, 0) @ v, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("target", ["host", "loops"])
def test_what_rows_hold(make, target):
    """Hidden NaN stays hidden; a row of zeros is zeros; squares may be larger than any float32; a row that sees nothing is 0."""
    q, k, v = make(B=1, Hq=2, Nq=10, Nk=70, Dk=20)
    k[:, :, 5] = 0
    k[:, :, 6] *= np.float32(1e30)
    k[:, :, 7] *= np.float32(1e-30)
    q[:, :, 3] *= np.float32(1e25)
    shown, hidden = k.copy(), k.copy()
    hidden[:, :, 40:] = np.nan
    hidden[:, :, 41, 0] = np.inf
    see = lambda b, h, i, j: (j < 40) & (i > 1)
    out = fovea.attention(q, hidden, v, query_norm=True, key_norm=True, mask_mod=see, target=target)
    assert (out[:, :, :2] == 0).all()
    check(out, None, norm(q, 1), norm(shown, 1), v, mask_mod=see)
    nan = fovea.attention(q, hidden, v, key_norm=True, mask_mod=lambda b, h, i, j: (j < 40) | (i == 4), target=target)
    assert np.isnan(nan[:, :, 4]).all() and np.isfinite(nan[:, :, 5:]).all()


def test_epsilon_of_zero(make):
    q, k, v = make(B=1, Hq=2, Nq=10, Nk=20, Dk=20)
    check(fovea.attention(q, k, v, key_norm=True, norm_epsilon=0), None, q, norm(k, 1, 0), v)
    k[:, :, 5] = 0  # 0 / 0
    assert np.isnan(fovea.attention(q, k, v, key_norm=True, norm_epsilon=0)).all()


def test_gains_are_run_time_values(make, fresh_cache):
    q, k, v = make(B=1, Hq=2, Nq=16, Nk=16, Dk=32)
    a, b = gains(32)
    for g in (a, b):
        check(fovea.attention(q, k, v, query_norm=g), None, norm(q, g), k, v)
    assert fovea.cache_info().kernels == 1
    kernel = fovea.compile(like=(q, k, v), query_norm=a, key_norm=True)
    check(kernel(q, k, v), None, norm(q, a), norm(k, 1), v)
    check(kernel(q, k, v, params={"query_norm": b}), None, norm(q, b), norm(k, 1), v)
    plan = kernel.plan(q, k, v)  # which all layers share
    check(plan.run(q, k, v), None, norm(q, a), norm(k, 1), v)
    check(plan.run(q, k, v, params={"query_norm": b, "key_norm": a}), None, norm(q, b), norm(k, a), v)
    with pytest.raises(ValueError, match="query_norm: expected shape"):
        plan.run(q, k, v, params={"query_norm": b[1:]})
    with pytest.raises(ValueError, match="has no parameter 'gain'; it has query_norm, key_norm"):
        plan.run(q, k, v, params={"gain": b})


def test_params_of_a_run(make):
    """What a score reads may be another layer's; what a mask reads belongs to the plan."""
    q, k, v = make(B=1, Hq=2, Nq=16, Nk=16)
    shown, bias = np.arange(16) < 9, np.zeros(16, np.float32)
    kernel = fovea.compile(like=(q, k, v), mask_mod=lambda b, h, i, j: shown[j], score_mod=lambda s, b, h, i, j: s + bias[j])
    plan, other = kernel.plan(q, k, v), np.linspace(-1, 1, 16).astype(np.float32)
    check(plan.run(q, k, v, params={"bias": other}), None, q, k, v, mask_mod=lambda b, h, i, j: shown[j],
          score_mod=lambda s, b, h, i, j: s + other[j])
    with pytest.raises(ValueError, match="the plan has looked at 'shown' already"):
        plan.run(q, k, v, params={"shown": ~shown})
    with pytest.raises((ValueError, fovea.Error), match="bias"):
        plan.run(q, k, v, params={"bias": other[:9]})


@pytest.mark.parametrize("options,error,message", [
    ({"query_norm": np.ones(31, np.float32)}, ValueError, r"query_norm: expected shape \(32,\), a gain for each column, got \(31,\)"),
    ({"key_norm": np.ones(32)}, TypeError, "key_norm: dtype float64 is not supported"),
    ({"key_norm": 1.5}, TypeError, r"key_norm: expected an array \[Dk\], or True"),
    ({"key_norm": False}, TypeError, r"key_norm: expected an array \[Dk\], or True"),
    ({"key_norm": True, "norm_epsilon": -1}, ValueError, "norm_epsilon: expected a number from 0 to 1"),
    ({"key_norm": True, "norm_epsilon": float("nan")}, ValueError, "norm_epsilon: expected a number from 0 to 1"),
    ({"key_norm": True, "norm_epsilon": "a"}, TypeError, "norm_epsilon: expected a number"),
    ({"norm_epsilon": 1e-5}, ValueError, "only query_norm and key_norm read it"),
])
def test_bad_calls(make, options, error, message):
    q, k, v = make(B=1, Hq=2, Nq=6, Nk=6)
    with pytest.raises(error, match=message):
        fovea.attention(q, k, v, **options)
