# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rotary embeddings against numpy, and their frequencies against the formulas and transformers'."""

import math
import pathlib
import subprocess
import sys

import fovea
import numpy as np
import pytest
from fovea import positions
from reference import check


causal = lambda b, h, i, j: i >= j


def turn(x, rope, at):
    """x [B, H, N, D] turned by complex numbers, at [B, N] or [A, B, N]."""
    x = x.astype(np.float64)
    pairs = rope.pairs
    per_pair = np.stack([(at if rope.axes is None else at[rope.axes[f]]) for f in range(pairs)], -1)  # [B, N, R/2]
    unit = rope.factor * np.exp(1j * per_pair * rope.frequencies)[:, None]
    head = x[..., :2 * pairs]
    low, high = (head[..., :pairs], head[..., pairs:]) if rope.pairing == "half" else (head[..., 0::2], head[..., 1::2])
    turned = (low + 1j * high) * unit
    out = x.copy()
    if rope.pairing == "half":
        out[..., :pairs], out[..., pairs:2 * pairs] = turned.real, turned.imag
    else:
        out[..., 0:2 * pairs:2], out[..., 1:2 * pairs:2] = turned.real, turned.imag
    return out


def row_numbers(B, N, first=0):
    return np.broadcast_to(np.arange(N) + first, (B, N))


@pytest.mark.parametrize("pairing", ["half", "interleaved"])
@pytest.mark.parametrize("dim", [64, 40, 6])
def test_causal_behind_a_cache(make, pairing, dim):
    q, k, v = make(Hq=4, Nq=33, Nk=75, Dk=64, Hkv=2, Dv=48)
    rope = positions.rope(dim, pairing=pairing)
    out = fovea.attention(q, k, v, rope=rope, is_causal=True, q_offset=42, enable_gqa=True)
    check(out, None, turn(q, rope, row_numbers(2, 33, 42)), turn(k, rope, row_numbers(2, 75)), v, mask_mod=causal, q_offset=42)


def test_given_positions_and_layout(make):
    q, k, v = make(Hq=4, Nq=9, Nk=30)
    rng = np.random.default_rng(1)
    rope = positions.yarn(32, factor=8, trained_length=64)
    at, kat = rng.integers(0, 3000, (2, 9)), rng.integers(0, 3000, (2, 30))
    swap = lambda x: x.transpose(0, 2, 1, 3)
    out = fovea.attention(swap(q), swap(k), swap(v), rope=rope, query_positions=at, key_positions=kat, layout="bnhd")
    check(swap(out), None, turn(q, rope, at), turn(k, rope, kat), v)


@pytest.mark.parametrize("interleaved", [False, True])
def test_sections(make, interleaved):
    q, k, v = make(B=1, Hq=2, Nq=20, Nk=20)
    rope = positions.rope(32).sections(4, 6, 6, interleaved=interleaved)
    at = np.random.default_rng(1).integers(0, 50, (3, 1, 20))
    out = fovea.attention(q, k, v, rope=rope, query_positions=at, key_positions=at)
    check(out, None, turn(q, rope, at), turn(k, rope, at), v)


def test_sections_name_an_axis_for_each_pair():
    assert positions.rope(16).sections(2, 3, 3).axes == (0, 0, 1, 1, 1, 2, 2, 2)
    assert positions.rope(16).sections(4, 2, 2, interleaved=True).axes == (0, 1, 2, 0, 1, 2, 0, 0)


def test_kernel_takes_other_lengths(make):
    q, k, v = make(B=1, Hq=2, Nq=16, Nk=16)
    rope = positions.rope(32)
    kernel = fovea.compile(like=(q, k, v), rope=rope, is_causal=True)
    for n in (16, 1500):
        q, k, v = make(B=1, Hq=2, Nq=n, Nk=n)
        check(kernel(q, k, v), None, turn(q, rope, row_numbers(1, n)), turn(k, rope, row_numbers(1, n)), v, mask_mod=causal)
    assert "Rope" in kernel.explain()


def test_another_rope_is_another_result_of_the_same_kernel(make, fresh_cache):
    q, k, v = make(B=1, Hq=2, Nq=16, Nk=16)
    a = fovea.attention(q, k, v, rope=positions.rope(32))
    b = fovea.attention(q, k, v, rope=positions.linear(32, 4))
    assert np.abs(a - b).max() > 1e-3 and fovea.cache_info().kernels == 1


def test_frequencies():
    f = positions.rope(8, 100.0).frequencies
    np.testing.assert_allclose(f, [1, 100**-.25, 100**-.5, 100**-.75])
    np.testing.assert_allclose(positions.linear(8, 4, 100.0).frequencies, f / 4)
    np.testing.assert_allclose(positions.ntk(8, 4, 100.0).frequencies, positions.rope(8, 100 * 4 ** (8 / 6)).frequencies)
    np.testing.assert_allclose(positions.dynamic_ntk(8, 4, 50, 100, 100.0).frequencies, f)  # not longer than trained
    np.testing.assert_allclose(positions.dynamic_ntk(8, 2, 300, 100, 100.0).frequencies, positions.ntk(8, 5, 100.0).frequencies)


def test_yarn_ends():
    rope, plain = positions.yarn(128, 32, 4096), positions.rope(128)
    assert rope.factor == pytest.approx(0.1 * math.log(32) + 1)
    low = math.floor(128 * math.log(4096 / (32 * 2 * math.pi)) / (2 * math.log(10000)))
    high = math.ceil(128 * math.log(4096 / (2 * math.pi)) / (2 * math.log(10000)))
    np.testing.assert_allclose(rope.frequencies[:low + 1], plain.frequencies[:low + 1])
    np.testing.assert_allclose(rope.frequencies[high:], plain.frequencies[high:] / 32)
    middle = (low + high) // 2
    kept = 1 - (middle - low) / (high - low)
    assert rope.frequencies[middle] == pytest.approx(plain.frequencies[middle] * (kept + (1 - kept) / 32))


def test_llama3_ends():
    rope, plain = positions.llama3(128), positions.rope(128, 500000.0)
    waves = 2 * math.pi / plain.frequencies
    short, long = waves < 8192 / 4, waves > 8192
    assert short.any() and long.any()
    np.testing.assert_allclose(rope.frequencies[short], plain.frequencies[short])
    np.testing.assert_allclose(rope.frequencies[long], plain.frequencies[long] / 8)


@pytest.mark.parametrize("kind,ours,config", [
    ("linear", positions.linear(64, 4), {"factor": 4.0}),
    ("yarn", positions.yarn(64, 16, 4096), {"factor": 16.0, "original_max_position_embeddings": 4096}),
    ("llama3", positions.llama3(64, 8, 8192, 10000.0),
     {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
])
def test_against_transformers(kind, ours, config):
    rope_utils = pytest.importorskip("transformers.modeling_rope_utils", reason="transformers is not installed")
    pytest.importorskip("torch", reason="torch, on which transformers computes frequencies, is not installed")
    from transformers import LlamaConfig
    parameters = {"rope_type": kind, "rope_theta": 10000.0, **config}
    llama = LlamaConfig(hidden_size=256, num_attention_heads=4, max_position_embeddings=4096, rope_theta=10000.0,
                        rope_scaling=parameters)
    frequencies, factor = rope_utils.ROPE_INIT_FUNCTIONS[kind](llama, "cpu")
    np.testing.assert_allclose(ours.frequencies, frequencies.double().numpy(), rtol=1e-6)
    assert ours.factor == pytest.approx(factor)


def test_sinusoidal():
    table = positions.sinusoidal(7, 6)
    assert table.shape == (7, 6) and table.dtype == np.float32
    assert table[3, 2] == pytest.approx(math.sin(3 / 10000 ** (2 / 6))) and table[3, 5] == pytest.approx(math.cos(3 / 10000 ** (4 / 6)))


@pytest.mark.parametrize("call,message", [
    (lambda: positions.rope(7), "even number of columns"),
    (lambda: positions.rope(8, base=1), "base: expected a number above 1"),
    (lambda: positions.rope(8, pairing="both"), "pairing: expected"),
    (lambda: positions.linear(8, 0), "factor: expected a positive number"),
    (lambda: positions.rope(16).sections(2, 3, 4), "add up to 9, but there are 8 pairs"),
    (lambda: positions.yarn(64, 4, 4096, beta_fast=0.5), "beta_fast >= beta_slow"),
    (lambda: positions.llama3(64, low_freq_factor=4), "expected 0 < low < high"),
])
def test_bad_numbers(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("options,error,message", [
    ({"rope": positions.rope(64)}, ValueError, "turns 64 columns, but query and key have 32"),
    ({"rope": 10000.0}, TypeError, "expected one of fovea.positions"),
    ({"query_positions": [[0]]}, ValueError, "only a rope reads it"),
    ({"rope": positions.rope(32), "query_positions": np.zeros((1, 5), int)}, ValueError, r"query_positions: expected shape \(1, 6\)"),
    ({"rope": positions.rope(32), "key_positions": np.zeros((1, 6))}, TypeError, "key_positions: expected integers"),
    ({"rope": positions.rope(32), "key_positions": np.full((1, 6), -1)}, ValueError, "expected positions from 0"),
    ({"rope": positions.rope(32).sections(8, 8)}, ValueError, "pass both"),
    ({"rope": positions.rope(32), "q_offset": -2}, fovea.Error, "do not reach the position of every row"),
])
def test_bad_calls(make, options, error, message):
    q, k, v = make(B=1, Hq=2, Nq=6, Nk=6)
    with pytest.raises(error, match=message):
        fovea.attention(q, k, v, **options)


def test_example():
    example = pathlib.Path(__file__).parents[2] / "examples" / "positions" / "long_context.py"
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "1024 keys: attention factor 1.139" in done.stdout, done.stdout + done.stderr
