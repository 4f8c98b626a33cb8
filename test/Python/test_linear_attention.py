# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fovea.linear_attention against the recurrence in fp64 numpy."""

import numpy as np
import pytest

import fovea

FEATURES = {
    None: lambda x: x,
    "elu1": lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))),
    "relu": lambda x: np.maximum(x, 0),
}


def recurrence(q, k, v, feature=None, normalized=False, decay=None, is_causal=True, scale=1.0, epsilon=1e-6, state=None):
    """out and state in fp64, layout bhnd."""
    phi = FEATURES.get(feature, feature)
    q, k, v = phi(np.float64(q)), phi(np.float64(k)), np.float64(v)
    v = np.concatenate([v, np.ones((*v.shape[:3], 1))], axis=3)
    B, H, N, K = k.shape
    S = np.zeros((B, H, K, v.shape[3]))
    if state is not None:
        S[..., :state.shape[3]] = state
    group = q.shape[1] // H
    if decay is None:
        g = np.zeros((B, H, N, 1))
    else:
        g = np.float64(decay)[None, :, None, None] if decay.ndim == 1 else np.float64(decay).reshape(B, H, N, -1)
        g = np.broadcast_to(g, (B, H, N, g.shape[3]))
    out = np.zeros((B, q.shape[1], q.shape[2], v.shape[3]))

    def read(t):
        return np.einsum("bhk,bhkv->bhv", q[:, :, t], np.repeat(S, group, axis=1))

    for t in range(N):
        S = np.exp(g[:, :, t])[..., None] * S + k[:, :, t, :, None] * v[:, :, t, None, :]
        if is_causal:
            out[:, :, t] = read(t)
    if not is_causal:
        for t in range(q.shape[2]):
            out[:, :, t] = read(t)
    if normalized:
        return out[..., :-1] / (out[..., -1:] + epsilon), S
    return scale * out[..., :-1], S[..., :-1]


def close(actual, expected):
    error = np.sqrt(np.mean((actual - expected) ** 2)) / np.sqrt(np.mean(expected ** 2))
    assert error < 1e-5, error


@pytest.fixture
def gates():
    """decay by kind, [B, H, N, K] at most."""
    rng = np.random.default_rng(3)

    def make(kind, B=2, H=2, N=50, K=24):
        shapes = {"head": (H,), "token": (B, H, N), "channel": (B, H, N, K)}
        return None if kind is None else -0.2 * np.abs(rng.standard_normal(shapes[kind])).astype(np.float32)

    return make


@pytest.mark.parametrize("kind", [None, "head", "token", "channel"])
@pytest.mark.parametrize("feature, normalizer", [(None, None), ("elu1", None), ("relu", None), ("elu1", "qz")])
def test_causal(make, gates, kind, feature, normalizer):
    q, k, v = make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24, Dv=40)
    decay = gates(kind)
    out, state = fovea.linear_attention(q, k, v, feature_map=feature, normalizer=normalizer, decay=decay, return_state=True)
    expected, last = recurrence(q, k, v, feature, normalizer is not None, decay)
    close(out, expected)
    close(state, last)


def test_every_query_reads_all_keys(make):
    q, k, v = make(Hq=4, Hkv=2, Nq=30, Nk=45, Dk=24)
    out = fovea.linear_attention(q, k, v, feature_map="elu1", normalizer="qz", is_causal=False, epsilon=0.5)
    close(out, recurrence(q, k, v, "elu1", True, is_causal=False, epsilon=0.5)[0])


@pytest.mark.parametrize("kind", [None, "token", "channel"])
def test_layout_scale_and_strides(make, gates, kind):
    q, k, v = make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24)
    decay = gates(kind)
    swap = lambda a: None if a is None else np.swapaxes(a, 1, 2)  # noqa: E731
    out = np.empty((2, 50, 4, 24), np.float32)
    result = fovea.linear_attention(swap(q), np.ascontiguousarray(swap(k)), swap(v), decay=swap(decay), scale=0.25, layout="bnhd", out=out)
    assert result is out
    close(swap(out), recurrence(q, k, v, decay=decay, scale=0.25)[0])


@pytest.mark.parametrize("normalizer", [None, "qz"])
@pytest.mark.parametrize("cut", [0, 1, 17, 32, 50])
def test_a_state_continues_a_sequence(make, gates, normalizer, cut):
    q, k, v = make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24)
    decay = gates("token")
    options = {"feature_map": "elu1", "normalizer": normalizer, "return_state": True}
    whole, last = fovea.linear_attention(q, k, v, decay=decay, **options)
    first, state = fovea.linear_attention(q[:, :, :cut], k[:, :, :cut], v[:, :, :cut], decay=decay[:, :, :cut], **options)
    rest, state = fovea.linear_attention(q[:, :, cut:], k[:, :, cut:], v[:, :, cut:], decay=decay[:, :, cut:], initial_state=state, **options)
    close(np.concatenate([first, rest], axis=2), whole)
    close(state, last)


def test_a_feature_map_of_ones_own(make):
    q, k, v = make(Dk=24)
    out = fovea.linear_attention(q, k, v, feature_map=lambda x: fovea.exp(-x * x) + 0.5)
    close(out, recurrence(q, k, v, lambda x: np.exp(-x * x) + 0.5)[0])


def test_kernels_are_kept(make, fresh_cache):
    from fovea import linear

    q, k, v = make()
    for n in (5, 20, 20):
        fovea.linear_attention(q[:, :, :n], k[:, :, :n], v[:, :, :n])
    assert (len(linear._modules), len(linear._plans)) == (1, 2)
    fovea.cache_clear()
    assert not linear._modules and not linear._plans


def test_loops_and_threads_agree(make, gates):
    q, k, v = make(Hq=2, Hkv=2, Nq=50, Nk=50, Dk=24)
    decay = gates("channel")
    one, four, loops = (fovea.linear_attention(q, k, v, decay=decay, **o) for o in ({"threads": 1}, {"threads": 4}, {"target": "loops"}))
    assert np.array_equal(one, four)
    close(loops, one)


@pytest.mark.parametrize("options, message", [
    ({"feature_map": "softmax"}, "feature_map: expected None, 'elu1', 'relu' or a function"),
    ({"normalizer": "z"}, "normalizer: expected None or 'qz'"),
    ({"normalizer": "qz", "scale": 0.5}, "scale: a normalizer divides"),
    ({"epsilon": 1e-3}, "epsilon: only a normalizer adds it"),
    ({"normalizer": "qz", "epsilon": -1}, "epsilon: expected a number that is not negative"),
    ({"decay": np.zeros((2, 3), np.float32)}, r"decay: expected shape \(3,\) per head"),
    ({"decay": np.zeros(3, np.float32), "is_causal": False}, "decay: tokens have no order"),
    ({"initial_state": np.zeros((2, 3, 32, 33), np.float32)}, r"initial_state: expected shape \(2, 3, 32, 32\)"),
    ({"layout": "nhd"}, "layout: expected 'bhnd' or 'bnhd'"),
    ({"scale": float("nan")}, "scale: expected a finite float32"),
])
def test_refusals(make, options, message):
    with pytest.raises(ValueError, match=message):
        fovea.linear_attention(*make(), **options)


def test_refused_shapes_and_types(make):
    q, k, v = make()
    with pytest.raises(ValueError, match="every token has both"):
        fovea.linear_attention(q[:, :, :5], k, v)
    with pytest.raises(TypeError, match="float32"):
        fovea.linear_attention(q.astype(np.float64), k, v)
    with pytest.raises(TypeError, match="run-time value"):
        fovea.linear_attention(q, k, v, feature_map=lambda x: x * fovea.param("c", 2.0))
    with pytest.raises(ValueError, match="out: expected shape"):
        fovea.linear_attention(q, k, v, out=np.empty((1, 1, 1, 1), np.float32))
