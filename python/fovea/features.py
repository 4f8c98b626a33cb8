# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Feature maps of linear attention, and decays by name."""

import math
from typing import NamedTuple

import numpy as np

from .functions import exp, maximum, where

FEATURE_MAPS = {
    "elu1": lambda x: where(x > 0, x + 1, exp(x)),  # elu(x) + 1
    "relu": lambda x: maximum(x, 0.0),
    "exp": exp,
}


class Performer:
    """Positive random features for softmax attention (Choromanski et al. 2021), as `feature_map` of `fovea.linear_attention`:

        phi(x) = m^-1/2 exp(W x' - |x'|^2 / 2 - maximum)                  x' = x Dk^-1/4

    projection is W, [m, Dk]; rows drawn from a standard normal distribution, better orthogonal (`Performer.orthogonal`). The maximum
    keeps the exponentials in range and divides out: a query's is that of its row, keys share one, over all of them and all
    features, or with is_causal over those so far. When it rises, what the state holds shrinks: a decay per token.
    """

    class State(NamedTuple):
        """Sums [B, Hkv, m, Dv + 1] and the maximum [B, Hkv] that they are relative to."""

        sums: np.ndarray
        maximum: np.ndarray

    def __init__(self, projection):
        self.projection = np.asarray(projection, np.float32)
        if self.projection.ndim != 2 or 0 in self.projection.shape:
            raise ValueError(f"projection: expected shape (features, head size), got {self.projection.shape}")

    @classmethod
    def orthogonal(cls, features, head_size, seed=0):
        """Rows of length sqrt(head_size), in blocks of head_size orthogonal ones."""
        rng = np.random.default_rng(seed)
        blocks = [np.linalg.qr(rng.standard_normal((head_size, head_size)))[0].T for _ in range(-(-features // head_size))]
        return cls(np.concatenate(blocks)[:features] * math.sqrt(head_size))

    def exponents(self, x):
        if x.shape[-1] != self.projection.shape[1]:
            raise ValueError(f"projection: expected {x.shape[-1]} columns, the head size, got {self.projection.shape[1]}")
        x = x * np.float32(x.shape[-1] ** -0.25)
        lengths = np.einsum("...d,...d->...", x, x)[..., None]
        return x @ self.projection.T - lengths / 2 - np.float32(math.log(len(self.projection)) / 2)

    def prepare(self, query, key, is_causal, layout, before=None, lengths=None):
        """Exponents below their maximum, and the decay that goes with it."""
        query, key = self.exponents(query), self.exponents(key)
        query -= query.max(axis=-1, keepdims=True)
        axis = 2 if layout == "bhnd" else 1
        largest = key.max(axis=-1)  # [B, Hkv, N], or [B, N, Hkv]
        if lengths is not None:  # padding raises nothing
            padding = np.arange(key.shape[axis]) >= np.asarray(lengths)[:, None]
            largest = np.where(np.expand_dims(padding, 3 - axis), -np.inf, largest).astype(np.float32)
        if not is_causal:
            most = largest.max(axis=axis, initial=-np.inf)
            return Performed(query, key - np.expand_dims(most, (axis, 3)), None, most)
        if before is None:  # the first token has nothing to lower
            before = largest.take(0, axis) if largest.shape[axis] else largest.max(axis=axis, initial=-np.inf)
        running = np.maximum.accumulate(np.concatenate([np.expand_dims(before, axis), largest], axis), axis)
        last = largest.shape[axis]
        now, then = running.take(range(1, last + 1), axis), running.take(range(last), axis)
        with np.errstate(invalid="ignore"):  # -inf - -inf, before the first token of all
            decay = np.where(then == now, np.float32(0), then - now)
        return Performed(query, key - now[..., None], decay, running.take(last, axis))


class Performed(NamedTuple):
    query: np.ndarray
    key: np.ndarray
    decay: np.ndarray
    maximum: np.ndarray

    def state(self, sums):
        return Performer.State(sums, self.maximum)


def retnet_decay(heads):
    """ln(1 - 2^(-5 - h)), [heads]: RetNet's decay per head (Sun et al. 2023)."""
    return np.log1p(-np.exp2(-5.0 - np.arange(heads))).astype(np.float32)
