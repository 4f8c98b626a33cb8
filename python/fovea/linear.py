# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear attention: a recurrent state instead of scores."""

import math
import threading
from typing import NamedTuple

import numpy as np

from .arguments import check_target, check_threads, infer_dims
from .arrays import as_float32
from .functions import exp, maximum, where
from .kernel import _native
from .module import _live, check_flag
from .operands import Operands, scalar
from .tracing import Builder, Traced, convert, float_literal

FEATURE_MAPS = {
    "elu1": lambda x: where(x > 0, x + 1, exp(x)),  # elu(x) + 1
    "relu": lambda x: maximum(x, 0.0),
}
_MAX_PLANS = 64
_lock = threading.Lock()
_modules, _plans = {}, {}


def linear_attention(query, key, value, *, feature_map=None, normalizer=None, decay=None, is_causal=True, scale=None, epsilon=None,
                     initial_state=None, return_state=False, layout="bhnd", out=None, threads=None, target=None):
    """Linear attention, compiled for this machine. For each sequence and kv head, over the tokens t in order:

        S_t = diag(e^g_t) S_(t-1) + k_t v_t^T                    k = feature_map(key), q = feature_map(query); S_0 = initial_state or 0
        z_t = diag(e^g_t) z_(t-1) + k_t
        out_t = scale * q_t^T S_t                                normalizer=None
        out_t = q_t^T S_t / (q_t . z_t + epsilon)                normalizer="qz"

    query [B, Hq, N, Dk], key [B, Hkv, N, Dk], value [B, Hkv, N, Dv]: float32 numpy arrays or CPU tensors with DLPack, of any
    strides, read in place. layout="bnhd": [B, N, H, D] for all of them, for decay and for out. Query head h reads the state of kv
    head h // (Hq // Hkv).

    feature_map    None, "elu1" (elu(x) + 1, the Linear Transformer's), "relu", or a function of one traced number
    normalizer     None, or "qz"
    decay          g, the logarithm of what is kept, 0 or below: [Hkv] per head (RetNet, Lightning), [B, Hkv, N] per token (Mamba-2),
                   [B, Hkv, N, Dk] per token and channel (GLA)
    is_causal      False: every query reads the state of all keys; their numbers may then differ, and there is no decay
    scale          1 by default (ONNX and others: Dk ** -0.5); none with a normalizer
    epsilon        1e-6 by default, for a normalizer
    initial_state  [B, Hkv, Dk, Dv]; with a normalizer [B, Hkv, Dk, Dv + 1], z in the last column
    return_state   also return the state after the last token, which continues the sequence as the next call's initial_state
    out            array to write instead of a new one
    threads        None: one per hardware thread. The result does not depend on it, bit for bit
    target         as for `fovea.attention`

    Returns out [B, Hq, N, Dv] (or layout), with return_state a pair (out, state).

    Sources: Katharopoulos et al. 2020; Sun et al. 2023 (RetNet); Yang et al. 2024 (GLA); Dao and Gu 2024 (Mamba-2).
    ValueError: shapes, layout or options that do not fit. TypeError: not float32 on the CPU, or a feature map that cannot be traced.
    """
    inputs = [as_float32(a, n) for a, n in ((query, "query"), (key, "key"), (value, "value"))]
    check_layout(layout)
    check_flag(is_causal, "is_causal")
    check_flag(return_state, "return_state")
    dims = infer_dims(*(a.shape for a in inputs), layout)
    if is_causal and dims.Nq != dims.Nk:
        raise ValueError(f"is_causal with {dims.Nq} queries and {dims.Nk} keys: every token has both; "
                         "pass is_causal=False to read the state of all keys")
    normalized = check_normalizer(normalizer, scale, epsilon)
    rank = None
    if decay is not None:
        inputs.append(as_float32(decay, "decay"))
        rank = check_decay(inputs[-1].shape, dims, layout, is_causal)
    state_shape = (dims.B, dims.Hkv, dims.Dk, dims.Dv + normalized)
    if initial_state is not None:
        inputs.append(as_float32(initial_state, "initial_state"))
        check_shape(inputs[-1], "initial_state", state_shape)
    program = Program(feature_lines(feature_map), normalized, rank, bool(is_causal), initial_state is not None, bool(return_state),
                      layout, number(scale, "scale", 1.0), number(epsilon, "epsilon", 1e-6), dims.Hq, dims.Hkv, dims.Dk, dims.Dv)
    outputs, result = make_outputs(out, dims, layout, state_shape if return_state else None)
    plan = plan_of(program, check_target(target), [a.shape for a in (*inputs, *outputs)], check_threads(threads))
    plan.run([*inputs, *outputs])
    return result


class Program(NamedTuple):
    """What the text depends on. `rank` is that of decay, or None."""

    feature: tuple
    normalized: bool
    rank: int
    is_causal: bool
    has_initial: bool
    returns_state: bool
    layout: str
    scale: float
    epsilon: float
    Hq: int
    Hkv: int
    Dk: int
    Dv: int


def check_layout(layout):
    if layout not in ("bhnd", "bnhd"):
        raise ValueError(f"layout: expected 'bhnd' or 'bnhd', got {layout!r}")


def check_normalizer(normalizer, scale, epsilon):
    if normalizer not in (None, "qz"):
        raise ValueError(f"normalizer: expected None or 'qz' (out / (q . z + epsilon)), got {normalizer!r}")
    if normalizer is None and epsilon is not None:
        raise ValueError("epsilon: only a normalizer adds it; pass normalizer='qz'")
    if normalizer is not None and scale is not None:
        raise ValueError("scale: a normalizer divides by what a scale would multiply; pass one of the two")
    if epsilon is not None and not 0 <= number(epsilon, "epsilon", None) <= 1e30:
        raise ValueError(f"epsilon: expected a number that is not negative, got {epsilon!r}")
    return normalizer is not None


def number(value, name, default):
    if value is None:
        return default
    value = scalar(value, name, float)
    if not math.isfinite(value) or abs(value) > 3e38:
        raise ValueError(f"{name}: expected a finite float32, got {value}")
    return value


def check_shape(array, name, shape):
    if array.shape != tuple(shape):
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {array.shape}")


def check_decay(shape, dims, layout, is_causal):
    if not is_causal:
        raise ValueError("decay: tokens have no order when is_causal is False; pass is_causal=True")
    token = (dims.B, dims.Hkv, dims.Nk) if layout == "bhnd" else (dims.B, dims.Nk, dims.Hkv)
    allowed = {1: (dims.Hkv,), 3: token, 4: (*token, dims.Dk)}
    if allowed.get(len(shape)) != shape:
        raise ValueError(f"decay: expected shape {allowed[1]} per head, {allowed[3]} per token, or {allowed[4]} per token and "
                         f"channel, got {shape}")
    return len(shape)


def feature_lines(feature_map):
    """The region of a feature map, as lines; none for None."""
    if feature_map is None:
        return ()
    if isinstance(feature_map, str) and feature_map not in FEATURE_MAPS:
        raise ValueError(f"feature_map: expected None, {', '.join(map(repr, FEATURE_MAPS))} or a function, got {feature_map!r}")
    function = FEATURE_MAPS[feature_map] if isinstance(feature_map, str) else feature_map
    if not callable(function):
        raise TypeError(f"feature_map: expected a name or a function of one number, got {feature_map!r}")
    operands = Operands()
    builder = Builder(operands)
    with builder.active():
        result = convert(function(Traced(builder, "%x", "f32")), "f32")
    if operands.all:
        raise TypeError(f"feature_map: {operands.all[0].name!r} is a run-time value; a feature map may use x and constants only")
    return (*_live(builder.lines, result.name), f"attn.yield {result.name} : f32")


def text_of(p):
    sizes = {"B": "?", "N": "?", "M": "?", "Hq": p.Hq, "Hkv": p.Hkv, "Dk": p.Dk, "Dv": p.Dv, "S": p.Dv + p.normalized}
    queries = "N" if p.is_causal else "M"

    def tensor(*names):
        names = list(names)
        if p.layout == "bnhd" and len(names) >= 3 and names[2] in "NM":
            names[1], names[2] = names[2], names[1]
        return f"tensor<{'x'.join(str(sizes[n]) for n in names)}xf32>"

    arguments = {"query": tensor("B", "Hq", queries, "Dk"), "key": tensor("B", "Hkv", "N", "Dk"), "value": tensor("B", "Hkv", "N", "Dv")}
    state = tensor("B", "Hkv", "Dk", "S")
    clauses = []
    if p.rank:
        arguments["decay"] = tensor("Hkv") if p.rank == 1 else tensor(*("B", "Hkv", "N", "Dk")[:p.rank])
        clauses.append("decay %decay")
    if p.has_initial:
        arguments["initial_state"] = state
        clauses.append("initial_state %initial_state")
    if not p.is_causal:
        clauses.append("direction <full>")
    if p.normalized:
        clauses.append(f"normalizer <qz> epsilon {float_literal(p.epsilon, single=False)}")
    else:
        clauses.append(f"scale {float_literal(p.scale, single=False)}")
    clauses.append(f"layout <{p.layout}>")
    results = [tensor("B", "Hq", queries, "Dv"), state][:1 + p.returns_state]
    names, result_list = ["%o", "%state"][:1 + p.returns_state], f"({', '.join(results)})"
    feature = ["    feature (%x) {", *(f"      {line}" for line in p.feature), "    }"] if p.feature else []
    return "\n".join([
        f"func.func @linear_attention({', '.join(f'%{n}: {t}' for n, t in arguments.items())}) -> {result_list} {{",
        f"  {', '.join(names)} = attn.linear_attention %query, %key, %value {' '.join(clauses)}",
        *feature,
        f"    : ({', '.join(arguments.values())}) -> {result_list}",
        f"  return {', '.join(names)} : {', '.join(results)}",
        "}", ""])


def make_outputs(out, dims, layout, state_shape):
    shape = (dims.B, dims.Hq, dims.Nq, dims.Dv) if layout == "bhnd" else (dims.B, dims.Nq, dims.Hq, dims.Dv)
    array = np.empty(shape, np.float32) if out is None else as_float32(out, "out", writable=True)
    check_shape(array, "out", shape)
    result = array if out is None else out
    if state_shape is None:
        return [array], result
    state = np.empty(state_shape, np.float32)
    return [array, state], (result, state)


def plan_of(program, target, shapes, threads):
    """Kernels are kept by program, plans by their shapes as well: nothing else decides what they are."""
    key = (program, target, tuple(shapes), threads)
    plan = _plans.get(key)
    if plan is None:
        with _lock:
            module = _modules.get((program, target))
            if module is None:
                module = _modules[program, target] = _native().Module(text_of(program), target, "<fovea>")
            plan = _native().Plan(module, list(shapes), threads)
            if len(_plans) >= _MAX_PLANS:
                _plans.pop(next(iter(_plans)))
            _plans[key] = plan
    return plan


def forget():
    """Forgets kernels and plans."""
    with _lock:
        _modules.clear()
        _plans.clear()
