# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Learned sinks: one extra logit per head in the denominator of the softmax, which no value belongs to.

    out' = out * exp(lse) / (exp(lse) + exp(sink)) = out * sigmoid(lse - sink)        lse' = log(exp(lse) + exp(sink))

The kernel knows nothing of it: both follow from its log-sum-exp, exactly, in one pass over the output afterwards.
Source: OpenAI, gpt-oss-120b & gpt-oss-20b Model Card, 2025.
"""

import numpy as np

from .arrays import as_array, is_array


def as_sink(sink, options, dims):
    """The sink of one run as fp64 [Hq], or None for a kernel without one; `options.sink` is the one to use by default."""
    if options.sink is None:
        if sink is not None:
            raise ValueError("sink: the kernel was compiled without one; pass sink=float to fovea.compile")
        return None
    sink = options.sink if sink is None else sink
    if sink is float:
        raise ValueError("sink: no value; pass sink=... with each run")
    if is_array(sink):
        array = as_array(sink, "sink")
    elif isinstance(sink, (int, float, np.number)) and not isinstance(sink, bool):
        array = np.full(dims.Hq, sink, np.float64)
    else:
        raise TypeError(f"sink: expected a number or an array [Hq], got {sink!r}")
    if array.dtype.kind not in "fiu":
        raise TypeError(f"sink: expected floats, got {array.dtype}; convert with .astype(numpy.float32)")
    if array.shape != (dims.Hq,):
        raise ValueError(f"sink: expected shape ({dims.Hq},), one logit per query head, got {array.shape}")
    if np.isnan(array).any() or np.isposinf(array).any():
        raise ValueError("sink: NaN and +inf have no meaning; -inf is no sink")
    return array.astype(np.float64)


def apply_sink(out, lse, sink, layout):
    """`out` and `lse` with the sink, in place. A row that sees no key keeps 0, and has the sink as its log-sum-exp."""
    natural = lse.astype(np.float64)
    merged = np.logaddexp(natural, sink[:, None])
    # exp(lse - lse') is sigmoid(lse - sink) without overflow; of -inf and -inf it would be NaN.
    kept = np.exp(np.subtract(natural, merged, out=np.full_like(natural, -np.inf), where=~np.isneginf(natural)))
    kept = kept.astype(np.float32)
    out *= (kept if layout == "bhnd" else kept.transpose(0, 2, 1))[..., None]
    lse[...] = merged
