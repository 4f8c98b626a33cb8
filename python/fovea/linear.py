# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear attention: a recurrent state instead of scores."""

import math
import threading
from typing import NamedTuple

import numpy as np

from .arguments import check_target, check_threads, infer_dims
from .arrays import as_array, as_float32
from .features import FEATURE_MAPS, Performer
from .kernel import _native
from .module import _live, check_flag
from .operands import Operands, scalar
from .tracing import Builder, Traced, convert, float_literal

NORMALIZERS = ("qz", "z", "norm_z", "norm")
FORMS = ("recurrent", "chunked", "parallel")
_MAX_STATIC_TOKENS = 4    # of calls that decode: kernels of their own, in another form
_MAX_PARALLEL_TOKENS = 128
_MAX_PLANS = 64
_lock = threading.Lock()
_modules, _plans = {}, {}


def linear_attention(query, key, value, *, feature_map=None, normalizer=None, decay=None, beta=None, lengths=None, is_causal=True, scale=None,
                     epsilon=None, initial_state=None, return_state=False, layout="bhnd", form=None, out=None, threads=None, target=None,
                     check_stable=False):
    """Linear attention, compiled for this machine. For each sequence and kv head, over the tokens t in order:

        R_t = diag(e^g_t) S_(t-1)                                k = feature_map(key), q = feature_map(query); S_0 = initial_state or 0
        S_t = R_t + k_t v_t^T                                    or, with beta, the delta rule:
        S_t = R_t + beta_t k_t (v_t - R_t^T k_t)^T
        z_t = diag(e^g_t) z_(t-1) + k_t
        out_t = scale * q_t^T S_t                                normalizer=None
        out_t = q_t^T S_t / (q_t . z_t + epsilon)                normalizer="qz", the Linear Transformer's
        out_t = (q_t / (z_t + epsilon))^T S_t                    normalizer="z"; "norm_z" with q_t / rms(q_t) for q_t
        out_t = q_t^T S_t / rms(q_t^T S_t)                       normalizer="norm", TransNormer's; rms(x) = sqrt(mean(x^2) + epsilon)

    query [B, Hq, N, Dk], key [B, Hkv, N, Dk], value [B, Hkv, N, Dv]: float32 numpy arrays or CPU tensors with DLPack, of any
    strides, read in place. layout="bnhd": [B, N, H, D] for all of them, for decay and for out. Query head h reads the state of kv
    head h // (Hq // Hkv).

    feature_map    None, "elu1" (elu(x) + 1, the Linear Transformer's), "relu", "exp", a function of one traced number, or a
                   `fovea.Performer`
    normalizer     None, "qz", "z", "norm_z" or "norm"
    decay          g, the logarithm of what is kept, 0 or below: [Hkv] per head (RetNet, Lightning), [B, Hkv, N] per token (Mamba-2),
                   [B, Hkv, N, Dk] per token and channel (GLA)
    beta           [B, Hkv, N], the strength of each write of the delta rule: DeltaNet, with a decay per token Gated DeltaNet, with
                   one per channel KDA. Keys should have length 1 and beta lie in [0, 1]: above beta |k|^2 = 2 the state grows
                   without bound; check_stable finds such tokens. No normalizer but "norm"
    check_stable   with beta: look at every token first, and refuse a call with beta |k|^2 above 2
    lengths        integers [B]: tokens of sequence b from lengths[b] on are padding, do not enter the state, and come out as 0; with
                   is_causal=False it is about keys
    is_causal      False: every query reads the state of all keys; their numbers may then differ, and there is no decay
    scale          1 by default (ONNX and others: Dk ** -0.5); none with a normalizer
    epsilon        1e-6 by default, for a normalizer
    initial_state  [B, Hkv, Dk, Dv]; with "qz", "z" and "norm_z" [B, Hkv, Dk, Dv + 1], z in the last column
    return_state   also return the state after the last token, which continues the sequence as the next call's initial_state
    form           None: the compiler chooses. "recurrent", "chunked", or "parallel" (no states, at most 128 tokens): they agree up to
                   rounding
    out            array to write instead of a new one
    threads        None: one per hardware thread. The result does not depend on it, bit for bit
    target         as for `fovea.attention`

    Returns out [B, Hq, N, Dv] (or layout), with return_state a pair (out, state).

    Sources: Katharopoulos et al. 2020; Choromanski et al. 2021 (Performer); Qin et al. 2022 (TransNormer); Sun et al. 2023 (RetNet);
    Yang et al. 2024 (GLA; DeltaNet); Dao and Gu 2024 (Mamba-2); Yang et al. 2025 (Gated DeltaNet); Kimi Team 2025 (KDA).
    ValueError: shapes, layout or options that do not fit. TypeError: not float32 on the CPU, or a feature map that cannot be traced.
    """
    inputs = [as_float32(a, n) for a, n in ((query, "query"), (key, "key"), (value, "value"))]
    check_layout(layout)
    check_flag(is_causal, "is_causal")
    check_flag(return_state, "return_state")
    if isinstance(feature_map, Performer):
        check_performer(normalizer, decay, beta, initial_state, is_causal, layout)
        performed = feature_map.prepare(inputs[0], inputs[1], is_causal, layout, getattr(initial_state, "maximum", None),
                                        None if lengths is None else check_lengths(lengths, infer_dims(*(a.shape for a in inputs), layout)))
        result = linear_attention(performed.query, performed.key, value, feature_map="exp", normalizer="qz", decay=performed.decay, lengths=lengths,
                                  is_causal=is_causal, epsilon=epsilon, initial_state=getattr(initial_state, "sums", None),
                                  return_state=return_state, layout=layout, form=form, out=out, threads=threads, target=target)
        return (result[0], performed.state(result[1])) if return_state else result
    dims = infer_dims(*(a.shape for a in inputs), layout)
    if is_causal and dims.Nq != dims.Nk:
        raise ValueError(f"is_causal with {dims.Nq} queries and {dims.Nk} keys: every token has both; "
                         "pass is_causal=False to read the state of all keys")
    check_normalizer(normalizer, scale, epsilon)
    rank = None
    if decay is not None:
        inputs.append(as_float32(decay, "decay"))
        rank = check_decay(inputs[-1].shape, dims, layout, is_causal)
    state_shape = (dims.B, dims.Hkv, dims.Dk, dims.Dv + (normalizer in ("qz", "z", "norm_z")))
    if initial_state is not None:
        inputs.append(as_float32(initial_state, "initial_state"))
        check_shape(inputs[-1], "initial_state", state_shape)
    if beta is not None:
        inputs.append(as_float32(beta, "beta"))
        check_beta(inputs[-1].shape, dims, layout, is_causal, normalizer)
    check_flag(check_stable, "check_stable")
    if lengths is not None:
        inputs.append(check_lengths(lengths, dims))
    if check_stable:
        check_stability(key=inputs[1], beta=beta, feature_map=feature_map, lengths=None if lengths is None else inputs[-1], layout=layout)
    program = Program(feature_lines(feature_map), normalizer, rank, beta is not None, lengths is not None, bool(is_causal), initial_state is not None,
                      bool(return_state), layout, form, static_tokens(form, is_causal, dims.Nk, initial_state is not None or return_state),
                      number(scale, "scale", 1.0), number(epsilon, "epsilon", 1e-6), dims.Hq, dims.Hkv, dims.Dk, state_shape[3], dims.Dv)
    outputs, result = make_outputs(out, dims, layout, state_shape if return_state else None)
    plan = plan_of(program, check_target(target), [a.shape for a in (*inputs, *outputs)], check_threads(threads))
    plan.run([*inputs, *outputs])
    return result


class Program(NamedTuple):
    """What the text depends on. `rank` is that of decay, or None; `tokens` a number that the kernel is made for, or None."""

    feature: tuple
    normalizer: str
    rank: int
    is_delta: bool
    has_lengths: bool
    is_causal: bool
    has_initial: bool
    returns_state: bool
    layout: str
    form: str
    tokens: int
    scale: float
    epsilon: float
    Hq: int
    Hkv: int
    Dk: int
    S: int
    Dv: int


def check_layout(layout):
    if layout not in ("bhnd", "bnhd"):
        raise ValueError(f"layout: expected 'bhnd' or 'bnhd', got {layout!r}")


def check_normalizer(normalizer, scale, epsilon):
    if normalizer not in (None, *NORMALIZERS):
        raise ValueError(f"normalizer: expected None, {', '.join(map(repr, NORMALIZERS))}, got {normalizer!r}")
    if normalizer is None and epsilon is not None:
        raise ValueError("epsilon: only a normalizer adds it; pass normalizer='qz'")
    if normalizer is not None and scale is not None:
        raise ValueError("scale: a normalizer divides by what a scale would multiply; pass one of the two")
    if epsilon is not None and not 0 <= number(epsilon, "epsilon", None) <= 1e30:
        raise ValueError(f"epsilon: expected a number that is not negative, got {epsilon!r}")


def check_performer(normalizer, decay, beta, initial_state, is_causal, layout):
    if normalizer != "qz":
        raise ValueError(f"normalizer: a Performer's features are right up to a factor, which normalizer='qz' divides out, got {normalizer!r}")
    for name, value in (("decay", decay), ("beta", beta)):
        if value is not None:
            raise ValueError(f"{name}: a Performer uses the decay itself, to lower features as their maximum rises")
    if initial_state is not None and not isinstance(initial_state, Performer.State):
        raise TypeError("initial_state: a Performer continues from what a call with return_state=True returned, sums and their maximum")
    if initial_state is not None and not is_causal:
        raise ValueError("initial_state: a Performer has one maximum for all keys when is_causal is False; pass is_causal=True")


def check_beta(shape, dims, layout, is_causal, normalizer):
    if not is_causal:
        raise ValueError("beta: the delta rule needs an order of the tokens; pass is_causal=True")
    if normalizer not in (None, "norm"):
        raise ValueError(f"normalizer: with beta, the delta rule, the state is no sum of keys to divide by; pass None or 'norm', got {normalizer!r}")
    expected = (dims.B, dims.Hkv, dims.Nk) if layout == "bhnd" else (dims.B, dims.Nk, dims.Hkv)
    if shape != expected:
        raise ValueError(f"beta: expected shape {expected}, got {shape}")


def check_stability(key, beta, feature_map, lengths, layout):
    """A write of the delta rule takes the state's part along k to 1 - beta |k|^2 of itself: below -1 it grows."""
    if beta is None:
        raise ValueError("check_stable: only the delta rule can grow without bound; pass beta")
    features = feature_map if callable(feature_map) else FEATURE_MAPS.get(feature_map, lambda x: x)
    strength = np.asarray(beta, np.float64) * np.sum(np.square(features(key), dtype=np.float64), axis=-1)
    if lengths is not None:
        padding = np.arange(key.shape[2 if layout == "bhnd" else 1]) >= lengths[:, None]
        strength[np.broadcast_to(padding[:, None] if layout == "bhnd" else padding[:, :, None], strength.shape)] = 0
    if strength.size and not strength.max() <= 2 * (1 + 1e-5):  # a key of length 1 is not quite, rounded
        at = np.unravel_index(np.argmax(np.where(np.isnan(strength), np.inf, strength)), strength.shape)
        raise ValueError(f"beta[{', '.join(map(str, at))}] times the square of that key's length is {strength[at]:.4g}; above 2 the state grows "
                         "with every token: divide keys by their length and keep beta in [0, 1]")


def check_lengths(lengths, dims):
    array = as_array(lengths, "lengths")
    if array.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected integers, got {array.dtype}")
    check_shape(array, "lengths", (dims.B,))
    if array.size and not 0 <= array.min() <= array.max() <= dims.Nk:
        raise ValueError(f"lengths: expected numbers from 0 to {dims.Nk}, got {array.min()} to {array.max()}")
    return array.astype(np.int64)


def static_tokens(form, is_causal, tokens, has_state):
    """The number of tokens where a kernel is made for it: few of them, or form parallel."""
    if form not in (None, *FORMS):
        raise ValueError(f"form: expected None, {', '.join(map(repr, FORMS))}, got {form!r}")
    if form not in (None, "chunked") and not is_causal:
        raise ValueError(f"form: {form!r} is for is_causal=True")
    if form == "parallel" and (has_state or not 0 < tokens <= _MAX_PARALLEL_TOKENS):
        raise ValueError(f"form: 'parallel' has no states and takes 1 to {_MAX_PARALLEL_TOKENS} tokens; pass 'chunked'")
    return tokens if form == "parallel" or is_causal and 0 < tokens <= _MAX_STATIC_TOKENS else None


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
        raise ValueError(f"feature_map: expected None, {', '.join(map(repr, FEATURE_MAPS))}, a function or a Performer, got {feature_map!r}")
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
    sizes = {"B": "?", "N": p.tokens or "?", "M": "?", "Hq": p.Hq, "Hkv": p.Hkv, "Dk": p.Dk, "Dv": p.Dv, "S": p.S}
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
    if p.is_delta:
        arguments["beta"] = tensor("B", "Hkv", "N")
        clauses.append("beta %beta")
    if p.has_lengths:
        arguments["lengths"] = "tensor<?xi64>"
        clauses.append("lengths %lengths")
    if p.is_delta:
        clauses.append("rule <delta>")
    if not p.is_causal:
        clauses.append("direction <full>")
    if p.normalizer:
        clauses.append(f"normalizer <{p.normalizer}> epsilon {float_literal(p.epsilon, single=False)}")
    else:
        clauses.append(f"scale {float_literal(p.scale, single=False)}")
    clauses.append(f"layout <{p.layout}>")
    if p.form:
        clauses.append(f"form <{p.form}>")
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
