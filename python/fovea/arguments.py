# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a call must satisfy before anything is compiled or run. Every refusal says what would work."""

import operator

import numpy as np

from .arrays import as_array, as_float32, is_array
from .module import Dims
from .operands import BUILT_IN
from .rotation import ByDims
from .tracing import POSITION_BITS

_MAX_HEAD_SIZE = 576  # the compiler's
_MAX_THREADS = 1024


def infer_dims(query, key, value, layout, enable_gqa=True):
    """The sizes of one call from three shapes.

    ValueError: a rank other than 4, sizes that disagree, or head counts that cannot be grouped.
    """
    shapes = {"query": tuple(query), "key": tuple(key), "value": tuple(value)}
    for name, shape in shapes.items():
        if len(shape) != 4:
            expected = "[B, H, N, D]" if layout == "bhnd" else "[B, N, H, D]"
            raise ValueError(f"{name}: expected rank 4, {expected}, got shape {shape}; add axes of size 1 with {name}[None]")
    h, n = (1, 2) if layout == "bhnd" else (2, 1)
    q, k, v = shapes.values()
    for what, axis, (left, a), (right, b) in (
            ("batch size", 0, ("query", q), ("key", k)), ("batch size", 0, ("key", k), ("value", v)),
            ("number of heads", h, ("key", k), ("value", v)), ("number of keys", n, ("key", k), ("value", v)),
            ("head dimension", 3, ("query", q), ("key", k))):
        if a[axis] != b[axis]:
            raise ValueError(f"{left} {a} and {right} {b} differ in {what} (axis {axis}, layout {layout})")
    for name, shape in shapes.items():
        if not 1 <= shape[3] <= _MAX_HEAD_SIZE:
            raise ValueError(f"{name}: head dimension {shape[3]} (axis 3), expected 1 to {_MAX_HEAD_SIZE}")
    if q[h] != k[h]:
        if k[h] == 0 or q[h] % k[h]:
            raise ValueError(f"query has {q[h]} heads and key {k[h]}: the first must be a multiple of the second")
        if not enable_gqa:
            raise ValueError(f"query has {q[h]} heads and key {k[h]}: pass enable_gqa=True to share each key head "
                             f"among {q[h] // k[h]} query heads")
    return Dims(q[0], q[h], k[h], q[n], k[n], q[3], v[3])


def shape_of(value, name):
    """The shape of an array, or of a shape; TypeError for anything else."""
    try:
        shape = tuple(map(operator.index, value.shape if is_array(value) else value))
    except TypeError:
        raise TypeError(f"{name}: expected an array or a shape, got {value!r}") from None
    if any(size < 0 for size in shape):
        raise ValueError(f"{name}: negative size in shape {shape}")
    return shape


def check_threads(threads):
    """0, the runtime's word for one per hardware thread, or the number asked for."""
    if threads is None:
        return 0
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise TypeError(f"threads: expected an integer or None, got {threads!r}")
    if not 1 <= threads <= _MAX_THREADS:
        raise ValueError(f"threads: expected 1 to {_MAX_THREADS}, or None for one per hardware thread, got {threads}")
    return operator.index(threads)


def check_target(target):
    if not isinstance(target, (str, type(None))):
        raise TypeError(f"target: expected a string such as 'host', got {target!r}")
    if "\0" in (target or ""):
        raise ValueError(f"target: expected a name such as 'host', got {target!r}")
    return target or "host"


def check_causal(options, dims):
    """is_causal with Nq != Nk has two readings; neither is assumed."""
    if options.is_causal and options.q_offset is None and dims.Nq != dims.Nk:
        raise ValueError(
            f"is_causal with {dims.Nq} queries and {dims.Nk} keys is ambiguous: pass q_offset=0 to align the first query with "
            f"the first key (top-left), or q_offset={dims.Nk - dims.Nq} to align the last with the last (bottom-right)")


def check_positions(dims, q_offset):
    limit = 2**POSITION_BITS
    if max(dims) >= limit or abs(q_offset or 0) + dims.Nq >= limit:
        raise ValueError(f"positions must stay below 2**{POSITION_BITS}: sizes {tuple(dims)}, q_offset {q_offset or 0}")


def bind(operands, given, params, dims):
    """Values for `operands`: from `given` (q_offset, kv_len, window, additive) and `params` by name, else as traced."""
    if not isinstance(params, (dict, type(None))):
        raise TypeError(f"params: expected a dict of values by name, got {type(params).__name__}")
    values = dict(params or {})
    known = [o.name for o in operands]
    for name in values:
        if name in BUILT_IN or name not in known:
            users = [n for n in known if n not in BUILT_IN]
            raise ValueError(f"params: the kernel has no parameter {name!r}"
                             + (f"; it has {', '.join(users)}" if users else " and takes none"))
    for name, value in given.items():
        if value is None:
            continue
        if name not in known:
            raise ValueError(f"{name}: the kernel was compiled without it; pass {name}=int to fovea.compile")
        values[name] = value
    bound, first = [], 0  # q_offset, when there is one, is the first operand
    for operand in operands:
        value = values.get(operand.name, operand.value)
        if operand.name == "kv_len" and value is not None:
            value = lengths(value, dims)
        if operand.name == "additive" and value is not None:
            value = additive_weights(value, dims)
        if isinstance(value, ByDims):
            value = value(dims, first)
        value = operand.check(value)
        if operand.name == "window" and value < 1:
            raise ValueError(f"window: expected at least 1 key, got {value}")
        first = value if operand.name == "q_offset" else first
        for rule in operand.rules:
            rule.check(value, dims, first)
        bound.append(value)
    return bound


def lengths(kv_len, dims):
    """kv_len as int32 [B], each in [0, Nk]."""
    if isinstance(kv_len, (list, tuple)):
        try:
            array = np.array([operator.index(n) for n in kv_len], np.int64)
        except TypeError:
            raise TypeError(f"kv_len: expected integers, one length per sequence, got {kv_len!r}") from None
        except OverflowError:
            raise ValueError(f"kv_len: lengths must lie in [0, {dims.Nk}], got {kv_len!r}") from None
    else:
        array = as_array(kv_len, "kv_len")
    if array.dtype.kind not in "iu":
        raise TypeError(f"kv_len: expected integers, got {array.dtype}")
    if array.shape != (dims.B,):
        raise ValueError(f"kv_len: expected shape ({dims.B},), one length per sequence, got {array.shape}")
    if array.size and (array.min() < 0 or array.max() > dims.Nk):
        raise ValueError(f"kv_len: lengths must lie in [0, {dims.Nk}], got {array.min()} to {array.max()}")
    return np.ascontiguousarray(array, np.int32)


def additive_weights(value, dims):
    """The weights of additive scores as float32 [Hq, Dk]."""
    array = as_float32(value, "additive")
    if array.shape not in ((dims.Dk,), (dims.Hq, dims.Dk)):
        raise ValueError(f"additive: expected shape ({dims.Hq}, {dims.Dk}), a weight for each query head and column, or ({dims.Dk},) for all "
                         f"heads, got {array.shape}")
    return np.broadcast_to(array, (dims.Hq, dims.Dk))


def out_shapes(dims, options):
    """By name, in the kernel's order."""
    o_shape = (dims.B, dims.Hq, dims.Nq, dims.Dv) if options.layout == "bhnd" else (dims.B, dims.Nq, dims.Hq, dims.Dv)
    return {"out": o_shape, **({"lse": (dims.B, dims.Hq, dims.Nq)} if options.needs_lse else {})}


def outputs(out, dims, options):
    """The arrays to write, and what the call returns: `out` itself, or new numpy arrays.

    Outputs that overlap an input or themselves are refused by the runtime.
    """
    shapes = out_shapes(dims, options)
    pair = isinstance(out, (tuple, list))
    if pair and not (options.return_lse and len(out) == 2):
        raise ValueError("out: expected one array" + (" or a pair (out, lse)" if options.return_lse else ""))
    given = list(out) if pair else [out]
    arrays, results = [], []
    for (name, shape), target in zip(shapes.items(), given + [None] * (len(shapes) - len(given))):
        if target is None:
            arrays.append(np.empty(shape, np.float32))
            results.append(arrays[-1])
            continue
        array = as_float32(target, name, writable=True)
        if array.shape != shape:
            raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
        arrays.append(array)
        results.append(target)
    return arrays, tuple(results) if options.return_lse else results[0]
