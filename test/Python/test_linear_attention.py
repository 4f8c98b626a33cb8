# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""fovea.linear_attention against the recurrence in fp64 numpy."""

import numpy as np
import pytest

import fovea

FEATURES = {
    None: lambda x: x,
    "elu1": lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))),
    "relu": lambda x: np.maximum(x, 0),
    "exp": np.exp,
}


def rms(x, epsilon):
    return np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon)


def recurrence(q, k, v, feature=None, normalizer=None, decay=None, beta=None, is_causal=True, scale=1.0, epsilon=1e-6, state=None):
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
    out = np.zeros((B, q.shape[1], q.shape[2], v.shape[3] - 1))

    def read(t):
        state, row = np.repeat(S, group, axis=1), q[:, :, t]
        if normalizer == "norm_z":
            row = row / rms(row, epsilon)
        if normalizer in ("z", "norm_z"):
            row = row / (state[..., -1] + epsilon)
        o = np.einsum("bhk,bhkv->bhv", row, state)
        if normalizer == "qz":
            return o[..., :-1] / (o[..., -1:] + epsilon)
        o = scale * o[..., :-1]
        return o / rms(o, epsilon) if normalizer == "norm" else o

    for t in range(N):
        S, write = np.exp(g[:, :, t])[..., None] * S, v[:, :, t]
        if beta is not None:
            write = np.float64(beta)[:, :, t, None] * (write - np.einsum("bhk,bhkv->bhv", k[:, :, t], S))
        S = S + k[:, :, t, :, None] * write[:, :, None, :]
        if is_causal:
            out[:, :, t] = read(t)
    if not is_causal:
        for t in range(q.shape[2]):
            out[:, :, t] = read(t)
    return out, S if normalizer in ("qz", "z", "norm_z") else S[..., :-1]


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
@pytest.mark.parametrize("feature, normalizer", [(None, None), ("elu1", None), ("relu", None), ("elu1", "qz"), ("exp", "z"), ("elu1", "norm_z"),
                                                 ("relu", "norm")])
def test_causal(make, gates, kind, feature, normalizer):
    q, k, v = make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24, Dv=40)
    decay = gates(kind)
    out, state = fovea.linear_attention(q, k, v, feature_map=feature, normalizer=normalizer, decay=decay, return_state=True)
    expected, last = recurrence(q, k, v, feature, normalizer, decay)
    close(out, expected)
    close(state, last)


def test_every_query_reads_all_keys(make):
    q, k, v = make(Hq=4, Hkv=2, Nq=30, Nk=45, Dk=24)
    out = fovea.linear_attention(q, k, v, feature_map="elu1", normalizer="qz", is_causal=False, epsilon=0.5)
    close(out, recurrence(q, k, v, "elu1", "qz", is_causal=False, epsilon=0.5)[0])


@pytest.mark.parametrize("options", [{}, {"feature_map": "elu1", "normalizer": "qz"}], ids=["plain", "qz"])
def test_rows_backwards_and_repeated(make, options):
    q, k, v = make(B=1, Hq=2, Nq=100, Nk=100, Dk=32)
    out = np.empty_like(q)
    fovea.linear_attention(q[:, :, ::-1], k[:, :, ::-1], v[:, :, ::-1], out=out[:, :, ::-1], **options)
    dense = fovea.linear_attention(*(np.ascontiguousarray(a[:, :, ::-1]) for a in (q, k, v)), **options)
    assert np.array_equal(out[:, :, ::-1], dense)
    once = np.broadcast_to(v[:, :, :1], v.shape)
    assert np.array_equal(fovea.linear_attention(q, k, once, **options), fovea.linear_attention(q, k, once.copy(), **options))


def unit(k):
    return k / np.linalg.norm(k, axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", [None, "head", "token", "channel"])
@pytest.mark.parametrize("normalizer", [None, "norm"])
def test_delta_rule(make, gates, kind, normalizer):
    q, k, v = make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24, Dv=40)
    k, decay, beta = unit(k), gates(kind), 2 * np.abs(np.sin(np.arange(200, dtype=np.float32))).reshape(2, 2, 50)
    out, state = fovea.linear_attention(q, k, v, decay=decay, beta=beta, normalizer=normalizer, return_state=True)
    expected, last = recurrence(q, k, v, normalizer=normalizer, decay=decay, beta=beta)
    close(out, expected)
    close(state, last)
    swap = lambda a: None if a is None or a.ndim < 3 else np.swapaxes(a, 1, 2)  # noqa: E731
    decay = decay if kind == "head" else swap(decay)
    other = fovea.linear_attention(swap(q), swap(k), swap(v), decay=decay, beta=swap(beta), normalizer=normalizer, layout="bnhd")
    close(swap(other), expected)


@pytest.mark.parametrize("form", ["recurrent", "chunked", "parallel"])
@pytest.mark.parametrize("tokens", [1, 4, 50])
@pytest.mark.parametrize("options", [{}, {"normalizer": "qz", "feature_map": "elu1"}, {"beta": True}], ids=["plain", "qz", "delta"])
def test_forms_agree(make, gates, form, tokens, options):
    q, k, v = (a[:, :, :tokens] for a in make(Hq=4, Hkv=2, Nq=50, Nk=50, Dk=24))
    decay, k = gates("channel")[:, :, :tokens], unit(k)
    if "beta" in options:
        options = {"beta": np.full((2, 2, tokens), 0.7, np.float32)}
    close(fovea.linear_attention(q, k, v, decay=decay, form=form, **options), fovea.linear_attention(q, k, v, decay=decay, target="loops", **options))


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("layout", ["bhnd", "bnhd"])
def test_performer(make, is_causal, layout):
    q, k, v = make(Hq=4, Hkv=2, Nq=40, Nk=40, Dk=24)
    k[:, :, 20:] *= 6  # the maximum rises
    performer = fovea.Performer.orthogonal(64, 24)

    def phi(x):
        x = np.float64(x) * 24 ** -0.25
        return np.exp(x @ np.float64(performer.projection).T - np.sum(x * x, axis=-1, keepdims=True) / 2) / 8

    swap = (lambda a: np.swapaxes(a, 1, 2)) if layout == "bnhd" else (lambda a: a)
    out = fovea.linear_attention(swap(q), swap(k), swap(v), feature_map=performer, normalizer="qz", epsilon=0, is_causal=is_causal, layout=layout)
    expected = recurrence(phi(q), phi(k), v, normalizer="qz", is_causal=is_causal, epsilon=0)[0]
    assert np.sqrt(np.mean((swap(out) - expected) ** 2) / np.mean(expected ** 2)) < 1e-4


PERFORMER = {"feature_map": fovea.Performer.orthogonal(16, 32), "normalizer": "qz"}


@pytest.mark.parametrize("options", [{}, {"feature_map": "elu1", "normalizer": "qz"}, {"is_causal": False}, PERFORMER],
                         ids=["plain", "qz", "full", "performer"])
def test_lengths(make, options):
    q, k, v = make(B=3, Nq=40, Nk=40)
    lengths = np.array([17, 0, 40], np.int32)
    out, state = fovea.linear_attention(q, k, v, lengths=lengths, return_state=True, **options)
    for b, n in enumerate(lengths):
        queries = q[b:b + 1] if "is_causal" in options else q[b:b + 1, :, :n]
        expected, last = fovea.linear_attention(queries, k[b:b + 1, :, :n], v[b:b + 1, :, :n], return_state=True, **options)
        # numpy's products of a Performer depend on the number of rows; what Fovea computes does not.
        same = np.array_equal if options is not PERFORMER else lambda x, y: np.allclose(x, y, rtol=1e-4, atol=1e-6)
        assert same(out[b:b + 1, :, :queries.shape[2]], expected)
        for whole, part in zip(*((s if isinstance(s, tuple) else (s,)) for s in (state, last))):
            assert same(whole[b:b + 1], part)
        assert not out[b, :, queries.shape[2]:].any()


def test_performer_estimates_softmax(make):
    q, k, v = make(B=1, Hq=1, Nq=64, Nk=64, Dk=16)
    softmax = fovea.attention(q, k, v)
    errors = [np.mean((fovea.linear_attention(q, k, v, feature_map=fovea.Performer.orthogonal(m, 16), normalizer="qz", is_causal=False) - softmax) ** 2)
              for m in (16, 512)]
    assert errors[1] < errors[0] / 2 and errors[1] < 0.2 * np.mean(softmax ** 2)


@pytest.mark.parametrize("cut", [0, 1, 17, 40])
def test_a_performer_continues_a_sequence(make, cut):
    q, k, v = make(Nq=40, Nk=40)
    k[:, :, 20:] *= 4
    options = {"feature_map": fovea.Performer.orthogonal(48, 32), "normalizer": "qz", "return_state": True, "epsilon": 0}
    whole, last = fovea.linear_attention(q, k, v, **options)
    first, state = fovea.linear_attention(q[:, :, :cut], k[:, :, :cut], v[:, :, :cut], **options)
    rest, state = fovea.linear_attention(q[:, :, cut:], k[:, :, cut:], v[:, :, cut:], initial_state=state, **options)
    close(np.concatenate([first, rest], axis=2), whole)
    close(state.sums, last.sums)
    assert np.allclose(state.maximum, last.maximum)


def test_exponents_too_large_for_float32(make):
    q, k, v = make(Dk=32)
    out = fovea.linear_attention(40 * q, 40 * k, v, feature_map=fovea.Performer.orthogonal(64, 32), normalizer="qz")
    assert np.isfinite(out).all()


def test_the_exponential_of_feature_maps():
    """A token's state is exp(k) v^T: k over all of float32's range, v = 1."""
    x = np.concatenate([np.linspace(-87.6, 88.3, 573), [0, -89, np.inf, -np.inf, np.nan, 89, -1e30]]).astype(np.float32)
    key = np.zeros((1, 1, 1, 576), np.float32)
    key[..., :len(x) - 5], rest = x[:-5], x[-5:]
    edges = np.zeros((1, 1, 1, 5), np.float32)
    edges[...] = rest
    ones = np.ones((1, 1, 1, 1), np.float32)
    for form in ("recurrent", "chunked"):
        _, state = fovea.linear_attention(key, key, ones, feature_map="exp", form=form, return_state=True)
        state, wanted = state.ravel()[:573], np.exp(np.float64(x[:573]))
        assert np.max(np.abs(state / wanted - 1)) < 4e-7
        _, state = fovea.linear_attention(key[..., 573:575], key[..., 573:575], ones, feature_map="exp", form=form, return_state=True)
        assert state.ravel().tolist() == [1, 0]
        _, state = fovea.linear_attention(edges, edges, ones, feature_map="exp", form=form, return_state=True)
        assert np.array_equal(state.ravel(), np.array([np.inf, 0, np.nan, np.inf, 0], np.float32), equal_nan=True)


def test_retnet_decay():
    assert np.allclose(np.exp(fovea.retnet_decay(3)), 1 - 2.0 ** -np.array([5, 6, 7]), rtol=1e-7)


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


@pytest.mark.parametrize("layout", ["bhnd", "bnhd"])
def test_growing_states_are_found_when_asked(make, layout):
    swap = (lambda x: x) if layout == "bhnd" else (lambda x: np.ascontiguousarray(np.swapaxes(x, 1, 2)))
    q, k, v = make()
    k, beta = unit(k), np.full((2, 3, 37), 2, np.float32)
    call = lambda b, **o: fovea.linear_attention(*map(swap, (q, k, v)), beta=swap(b), layout=layout, check_stable=True, **o)  # noqa: E731
    assert np.isfinite(call(beta)).all()
    beta[1, 2, 30] = 2.5
    with pytest.raises(ValueError, match=r"beta\[1, 2, 30\] .* is 2.5;" if layout == "bhnd" else r"beta\[1, 30, 2\] .* is 2.5;"):
        call(beta)
    call(beta, lengths=np.array([37, 30]))  # padding is not read
    with pytest.raises(ValueError, match=r"is 10;"):
        call(np.full_like(beta, 0.1), feature_map=lambda x: 10 * x)
    with pytest.raises(ValueError, match="check_stable: only the delta rule"):
        fovea.linear_attention(q, k, v, check_stable=True)


@pytest.mark.parametrize("options, message", [
    ({"feature_map": "softmax"}, "feature_map: expected None, 'elu1', 'relu', 'exp', a function"),
    ({"normalizer": "l2"}, "normalizer: expected None, 'qz', 'z', 'norm_z', 'norm'"),
    ({"beta": np.zeros((2, 3), np.float32)}, r"beta: expected shape \(2, 3, 37\)"),
    ({"beta": np.zeros((2, 3, 37), np.float32), "is_causal": False}, "beta: the delta rule needs an order"),
    ({"beta": np.zeros((2, 3, 37), np.float32), "normalizer": "qz"}, "the state is no sum of keys"),
    ({"lengths": np.array([1, 2, 3])}, r"lengths: expected shape \(2,\)"),
    ({"lengths": np.array([1, 38])}, "lengths: expected numbers from 0 to 37, got 1 to 38"),
    ({"form": "fast"}, "form: expected None, 'recurrent', 'chunked', 'parallel'"),
    ({"form": "recurrent", "is_causal": False}, "form: 'recurrent' is for is_causal=True"),
    ({"form": "parallel", "return_state": True}, "form: 'parallel' has no states"),
    ({"feature_map": fovea.Performer(np.ones((8, 32)))}, "normalizer: a Performer's features are right up to a factor"),
    ({"feature_map": fovea.Performer(np.ones((8, 31))), "normalizer": "qz"}, "projection: expected 32 columns"),
    ({"feature_map": fovea.Performer(np.ones((8, 32))), "normalizer": "qz", "decay": np.zeros(3, np.float32)}, "decay: a Performer uses the decay"),
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
    with pytest.raises(TypeError, match="a Performer continues from what"):
        fovea.linear_attention(q, k, v, feature_map=fovea.Performer(np.ones((8, 32))), normalizer="qz", initial_state=np.zeros((2, 3, 8, 33), np.float32))
    with pytest.raises(ValueError, match="projection: expected shape"):
        fovea.Performer(np.ones(3))
    with pytest.raises(ValueError, match="out: expected shape"):
        fovea.linear_attention(q, k, v, out=np.empty((1, 1, 1, 1), np.float32))
