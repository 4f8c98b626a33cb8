# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latent attention against the formula: keys and values expanded in fp64."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

import fovea

H, DN, DR, DC, DV = 6, 32, 16, 64, 40


def problem(rows=9, keys=150, batches=2, seed=0, layout="bhnd"):
    rng = np.random.default_rng(seed)
    query = rng.standard_normal((batches, H, rows, DN + DR), np.float32)
    if layout == "bnhd":
        query = np.ascontiguousarray(query.transpose(0, 2, 1, 3))
    cache = rng.standard_normal((batches, keys, DC + DR), np.float32)
    up = rng.standard_normal((H, DN + DV, DC), np.float32) / 8  # kv_b_proj.view(H, -1, Dc)
    return query, cache, up[:, :DN], up[:, DN:]


def expanded(query, cache, key_up, value_up, mask=None, scale=None, score=None):
    """The formula, and its log-sum-exp."""
    query, cache, key_up, value_up = (np.asarray(a, np.float64) for a in (query, cache, key_up, value_up))
    latents, shared = cache[..., :DC], cache[..., DC:]
    own = np.einsum("bjc,hdc->bhjd", latents, key_up)
    key = np.concatenate([own, np.broadcast_to(shared[:, None], (*own.shape[:3], shared.shape[-1]))], -1)
    value = np.einsum("bjc,hec->bhje", latents, value_up)
    s = np.einsum("bhid,bhjd->bhij", query, key) * (scale or query.shape[-1] ** -0.5)
    b, h, i, j = np.ogrid[tuple(map(slice, s.shape))]
    s = score(s, b, h, i, j) if score else s
    s = np.where(mask(b, h, i, j), s, -np.inf) if mask else s
    largest = s.max(-1, keepdims=True)
    weights = np.exp(s - largest)
    total = weights.sum(-1, keepdims=True)
    return np.einsum("bhij,bhje->bhie", weights / total, value), (largest + np.log(total))[..., 0]


def close(got, want, tolerance=3e-6):
    assert np.sqrt(np.mean((got - want) ** 2)) <= tolerance * np.sqrt(np.mean(want ** 2))


@pytest.mark.parametrize("form", [None, "absorbed", "expanded"])
@pytest.mark.parametrize("rows, keys", [(1, 300), (9, 150), (200, 200)])
def test_both_forms_are_the_formula(form, rows, keys):
    query, cache, key_up, value_up = problem(rows, keys)
    out, lse = fovea.latent_attention(query, cache, key_up, value_up, is_causal=True, q_offset=keys - rows, form=form, return_lse=True)
    want, want_lse = expanded(query, cache, key_up, value_up, lambda b, h, i, j: i + keys - rows >= j)
    close(out, want)
    close(lse, want_lse)


@pytest.mark.parametrize("form", ["absorbed", "expanded"])
def test_masks_and_scores_that_tell_heads_apart(form):
    query, cache, key_up, value_up = problem(20, 20)
    out = fovea.latent_attention(query, cache, key_up, value_up, form=form, mask_mod=lambda b, h, i, j: fovea.abs(i - j) <= 2 * h,
                                 score_mod=lambda s, b, h, i, j: s - 0.1 * h * (i - j))
    want, _ = expanded(query, cache, key_up, value_up, lambda b, h, i, j: abs(i - j) <= 2 * h, score=lambda s, b, h, i, j: s - 0.1 * h * (i - j))
    close(out, want)


@pytest.mark.parametrize("form", ["absorbed", "expanded"])
def test_lengths_scale_and_layout(form):
    query, cache, key_up, value_up = problem(5, 70, layout="bnhd")
    cache[1, 33:] = np.nan  # padding may hold anything
    out = fovea.latent_attention(query, cache, key_up, value_up, form=form, kv_len=[70, 33], scale=0.2, layout="bnhd")
    limits = np.array([70, 33]).reshape(2, 1, 1, 1)
    want, _ = expanded(query.transpose(0, 2, 1, 3), np.nan_to_num(cache), key_up, value_up, lambda b, h, i, j: j < limits[b[:, 0, 0, 0]], scale=0.2)
    close(out.transpose(0, 2, 1, 3), want)


@pytest.mark.parametrize("form", ["absorbed", "expanded"])
@pytest.mark.parametrize("given", [False, True])
def test_rope_turns_the_last_columns(form, given):
    query, cache, key_up, value_up = problem(7, 40)
    rope = fovea.positions.rope(DR, pairing="interleaved")
    positions = {"query_positions": np.arange(14).reshape(2, 7) * 2, "key_positions": np.arange(80).reshape(2, 40) % 37} if given else {}
    out = fovea.latent_attention(query, cache, key_up, value_up, form=form, rope=rope, q_offset=33, **positions)

    def turn(rows, at):
        cos, sin = (np.asarray(t)[at] for t in rope.table(128))
        x, y = rows[..., 0::2], rows[..., 1::2]
        return np.stack([x * cos - y * sin, y * cos + x * sin], -1).reshape(rows.shape)

    at_query = positions["query_positions"][:, None] if given else np.arange(33, 40)
    at_key = positions["key_positions"] if given else np.arange(40)
    turned = np.concatenate([query[..., :DN], turn(query[..., DN:], at_query)], -1)
    rows = np.concatenate([cache[..., :DC], turn(cache[..., DC:], at_key)], -1)
    close(out, expanded(turned, rows, key_up, value_up)[0])


def test_a_view_is_read_in_place_and_threads_change_no_bit():
    query, cache, key_up, value_up = problem(3, 500)
    wide = np.zeros((2, 500, 100), np.float32)
    wide[..., 10:10 + DC + DR] = cache
    outs = [fovea.latent_attention(query, rows, key_up, value_up, threads=threads)
            for rows, threads in ((cache, 1), (wide[..., 10:10 + DC + DR], 1), (cache, 3))]
    assert np.array_equal(outs[0], outs[1]) and np.array_equal(outs[0], outs[2])
    out = np.empty_like(outs[0])
    assert fovea.latent_attention(query, cache, key_up.copy(), value_up.copy(), out=out) is out
    assert np.array_equal(out, outs[0])


def test_strided_projections():
    query, cache, key_up, value_up = problem(3, 50)
    odd = [np.ascontiguousarray(up.transpose(2, 1, 0)).transpose(2, 1, 0) for up in (key_up, value_up)]
    for form in ("absorbed", "expanded"):
        close(fovea.latent_attention(query, cache, *odd, form=form), expanded(query, cache, key_up, value_up)[0])


def test_few_queries_are_absorbed_and_many_expanded():
    """The choice: for few queries the products of form absorbed are those that the call makes, bit for bit."""
    for rows, chosen, other in ((1, "absorbed", "expanded"), (400, "expanded", "absorbed")):
        query, cache, key_up, value_up = problem(rows, 400, batches=1)
        out = {form: fovea.latent_attention(query, cache, key_up, value_up, form=form) for form in (None, chosen, other)}
        assert np.array_equal(out[None], out[chosen]) and not np.array_equal(out[None], out[other])


@pytest.mark.parametrize("change, message", [
    ({"cache": np.zeros((2, 150), np.float32)}, r"cache: expected rank 3, \[B, Nk, Dc \+ R\], got shape \(2, 150\)"),
    ({"cache": np.zeros((1, 150, DC + DR), np.float32)}, "differ in batch size"),
    ({"cache": np.zeros((2, 150, DC + DR + 1), np.float32)}, "that are not the 48 columns of query"),
    ({"key_up": np.zeros((5, DN, DC), np.float32)}, "expected a projection for each of 6 query heads"),
    ({"value_up": np.zeros((H, DV, DC - 1), np.float32)}, "project latents of different widths"),
    ({"form": "both"}, "form: expected None, 'absorbed', 'expanded', got 'both'"),
    ({"rope": fovea.positions.rope(DR + 2)}, "rope: turns 18 columns, but only 16 of the cache are no latents"),
    ({"is_causal": True}, "ambiguous"),
])
def test_what_does_not_fit_is_refused(change, message):
    query, cache, key_up, value_up = problem()
    arguments = dict(query=query, cache=cache, key_up=key_up, value_up=value_up) | change
    with pytest.raises(ValueError, match=message):
        fovea.latent_attention(**arguments)


def test_the_example():
    program = pathlib.Path(__file__).parents[2] / "examples" / "latent" / "decode.py"
    result = subprocess.run([sys.executable, str(program), "--prompt", "200", "--tokens", "2"], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("ok: worst error")
