#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear attention by family: each variant computed at once, then once more in two parts and a token at a time, and compared with its
recurrence in fp64 numpy.

    python variants.py [--name "Gated DeltaNet"]
"""
import argparse
import sys

import numpy as np

import fovea

B, H, N, D = 2, 3, 200, 32
TOLERANCE = 1e-5  # RMS of the error against RMS of the result


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    query, key, value = (rng.standard_normal((B, H, N, D), np.float32) for _ in range(3))
    gates = {"token": -0.1 * rng.random((B, H, N), np.float32), "channel": -0.1 * rng.random((B, H, N, D), np.float32),
             "beta": rng.random((B, H, N), np.float32)}
    return query, key / np.linalg.norm(key, axis=-1, keepdims=True), value, gates


# Family, variant: how `fovea.linear_attention` is called. Decays are logarithms of what is kept.
def variants(gates):
    slopes = 2.0 ** -np.arange(1, H + 1, dtype=np.float32)
    return {
        "linear attention": {},
        "Linear Transformer": {"feature_map": "elu1", "normalizer": "qz"},
        "ReLU features": {"feature_map": "relu", "normalizer": "qz", "epsilon": 1e-3},
        "Performer": {"feature_map": fovea.Performer.orthogonal(64, D), "normalizer": "qz"},
        "TransNormer": {"feature_map": "elu1", "normalizer": "norm"},
        "normalised by z": {"feature_map": "elu1", "normalizer": "norm_z"},
        "RetNet": {"decay": fovea.retnet_decay(H), "scale": D ** -0.5},
        "Lightning": {"decay": -slopes},
        "Mamba-2": {"decay": gates["token"]},  # query is C, key is B, value is x dt, decay is A dt
        "GLA": {"decay": gates["channel"], "scale": D ** -0.5},
        "DeltaNet": {"beta": gates["beta"]},
        "Gated DeltaNet": {"beta": gates["beta"], "decay": gates["token"], "scale": D ** -0.5},
        "KDA": {"beta": gates["beta"], "decay": gates["channel"], "scale": D ** -0.5},
    }


def features(feature_map, x):
    if isinstance(feature_map, fovea.Performer):
        x = x * D ** -0.25
        return np.exp(x @ np.float64(feature_map.projection).T - np.sum(x * x, -1, keepdims=True) / 2) / len(feature_map.projection) ** 0.5
    return {None: lambda: x, "elu1": lambda: np.where(x > 0, x + 1, np.exp(x)), "relu": lambda: np.maximum(x, 0)}[feature_map]()


def recurrence(query, key, value, feature_map=None, normalizer=None, decay=None, beta=None, scale=1, epsilon=1e-6):
    q, k, v = features(feature_map, np.float64(query)), features(feature_map, np.float64(key)), np.float64(value)
    g = np.zeros((1, 1, 1, 1)) if decay is None else np.float64(decay)
    g = np.broadcast_to(g.reshape(1, H, 1, 1) if g.ndim == 1 else g.reshape(*g.shape[:3], -1), (B, H, N, k.shape[3]))
    rms = lambda x: np.sqrt(np.mean(x * x, -1, keepdims=True) + epsilon)  # noqa: E731
    S, z, out = np.zeros((B, H, k.shape[3], D)), np.zeros((B, H, k.shape[3])), np.empty((B, H, N, D))
    for t in range(N):
        kept = np.exp(g[:, :, t])
        S, z, write = kept[..., None] * S, kept * z + k[:, :, t], v[:, :, t]
        if beta is not None:
            write = beta[:, :, t, None] * (write - np.einsum("bhkv,bhk->bhv", S, k[:, :, t]))
        S = S + k[:, :, t, :, None] * write[:, :, None]
        row = q[:, :, t] / rms(q[:, :, t]) / (z + epsilon) if normalizer == "norm_z" else q[:, :, t]
        o = scale * np.einsum("bhkv,bhk->bhv", S, row)
        if normalizer == "qz":
            o /= np.sum(row * z, -1, keepdims=True) + epsilon
        out[:, :, t] = o / rms(o) if normalizer == "norm" else o
    return out


def in_parts(query, key, value, options, cuts):
    """From cut to cut, each part from the state of the one before."""
    state, parts = None, []
    for begin, end in zip((0, *cuts), (*cuts, N)):
        cut = lambda x: x[:, :, begin:end]  # noqa: B023, E731
        gates = {name: cut(a) if np.ndim(a) >= 3 else a for name, a in options.items()}
        out, state = fovea.linear_attention(cut(query), cut(key), cut(value), **gates, initial_state=state, return_state=True)
        parts.append(out)
    return np.concatenate(parts, axis=2)


def run(name, options, query, key, value):
    """RMS errors of the whole sequence, and of a prefill of 3/4 with the rest decoded."""
    expected = recurrence(query, key, value, **options)
    error = lambda out: np.sqrt(np.mean((out - expected) ** 2) / np.mean(expected ** 2))  # noqa: E731
    whole = fovea.linear_attention(query, key, value, **options)
    return error(whole), error(in_parts(query, key, value, options, range(3 * N // 4, N)))


def main():
    query, key, value, gates = inputs()
    table = variants(gates)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", choices=table, help="only this variant")
    name = parser.parse_args().name
    right = 0
    print(f"{'variant':20} {'error':>9} {'decoded':>9}")
    names = [name] if name else list(table)
    for name in names:
        errors = run(name, table[name], query, key, value)
        right += max(errors) < TOLERANCE
        print(f"{name:20} {errors[0]:9.1e} {errors[1]:9.1e}")
    print(f"{'ok' if right == len(names) else 'WRONG'}: {right} of {len(names)} variants equal their recurrence")
    return int(right != len(names))


if __name__ == "__main__":
    sys.exit(main())
