# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The two entrances: `attention` computes, `compile` makes a kernel to keep."""

import threading
from typing import NamedTuple

from . import linear, module
from .arguments import bind, check_causal, check_positions, check_target, infer_dims, shape_of
from .arrays import is_array
from .kernel import Kernel
from .module import DYNAMIC, Options
from .norms import EPSILON, check_norm, has_norm
from .operands import BUILT_IN, scalar
from .places import place_of
from .positions import check_rope
from .sink import as_sink

_MAX_STATIC_QUERIES = 4  # of calls that decode: kernels of their own, in another form
_lock = threading.Lock()
_kernels = {}      # by module text, target and what a call returns
_without_mods = {}  # the same kernels by `_key`, which spares writing the text
_counts = {"hits": 0, "misses": 0}


def attention(query, key, value, *, mask_mod=None, score_mod=None, is_causal=False, window=None, softcap=None, sink=None,
              scale=None, enable_gqa=False, q_offset=None, kv_len=None, layout="bhnd", out=None, return_lse=False, params=None,
              rope=None, query_positions=None, key_positions=None, query_norm=None, key_norm=None, norm_epsilon=EPSILON,
              weights="softmax", additive=None, threads=None, target=None, stream=None):
    """Softmax attention with any mask and score function, compiled for this machine.

        s[b,h,i,j] = scale * <query[b,h,i], key[b,g,j]>          g = h // (Hq // Hkv), scale = 1/sqrt(Dk) by default
        s = softcap * tanh(s / softcap)                          when softcap is given
        s = score_mod(s, b, h, q_idx, kv_idx)                    when given; q_idx = i + q_offset, kv_idx = j
        s = -inf where masked                                    is_causal, window, kv_len and mask_mod, all together
        out[b,h,i] = sum_j softmax_j(s) * value[b,g,j]           0 for a row that sees no key
        lse[b,h,i] = log sum_j exp(s)                            -inf for a row that sees no key

    query [B, Hq, Nq, Dk], key [B, Hkv, Nk, Dk], value [B, Hkv, Nk, Dv]: float32 numpy arrays or CPU tensors with DLPack, of
    any strides, read in place. layout="bnhd": [B, N, H, D] for all of them and for out.

    mask_mod(b, h, q_idx, kv_idx): true where the key is visible. score_mod(score, b, h, q_idx, kv_idx): the new score.
        FlexAttention's signatures; fovea.masks and fovea.scores have the known ones by name. They are traced: use & | ~ and
        fovea.where, not `and`, `or`, `not` and `if`. Captured numbers are constants, captured arrays and fovea.param are run-time
        values: changing them does not compile again.
    is_causal   q_idx >= kv_idx
    window      q_idx - kv_idx < window; the future is hidden by is_causal
    softcap     a positive number (Gemma 2)
    sink        [Hq] or a number: an extra logit in each row's softmax, that no value belongs to (gpt-oss). Then
                out' = out * sigmoid(lse - sink) and lse' = log(exp(lse) + exp(sink)), computed after the kernel
    enable_gqa  must be true when Hq != Hkv; Hq must be a multiple of Hkv
    q_offset    position of the first query; required when is_causal and Nq != Nk
    kv_len      integers [B]: keys of each sequence that exist, the rest is padding
    rope        a rotary embedding of `fovea.positions`: query and key are rotated as they are loaded. A query stands at q_idx, a key
                at kv_idx, unless query_positions and key_positions say otherwise: integers [B, Nq] and [B, Nk], from 0; with
                sections [A, B, Nq] and [A, B, Nk]
    query_norm, key_norm  gains g [Dk], or True for gains of 1 (QK-norm): each row x of query, of key becomes
                g x / sqrt(mean(x^2) + norm_epsilon) as it is loaded, before rope turns it. So are Qwen3 and OLMo 2; Gemma 3 too, whose
                stored weight is g - 1. Run-time values, for another layer: params={"query_norm": g}
    weights     "softmax", or "pointwise": no softmax, the score is the weight, out[b,h,i] = sum_j s * value[b,g,j], 0 where masked. With a
                score_mod of maximum(s, 0), exp(s / tau) or 1 / (1 + exp(-s)) that is ReLU, exponential and sigmoid attention
    additive    float32 [Hq, Dk], or [Dk] for all heads: additive scores (Bahdanau), of query and key that are projected already,
                s[b,h,i,j] = scale * sum_d additive[h,d] * tanh(query[b,h,i,d] + key[b,g,j,d])   with scale = 1 by default
    out         array to write instead of a new one; with return_lse also a pair (out, lse)
    params      values by name for fovea.param and captured arrays
    threads     None: one per hardware thread. The result does not depend on it, bit for bit
    target      "host" (default), "loops" (readable scalar code), "cpu:ARCH[+feature...]", or "cuda:sm_80" and later: then query,
                key and value are CUDA tensors with DLPack of float16 or bfloat16, read in place, and so is out, in the same
                type; without out it is a new one of torch or cupy, as the query is. Arrays that masks and scores read stay
                on the CPU, and are copied. Returns when the kernel is launched
    stream      of the GPU, as torch, cupy or its address have it. None: the current stream of torch or cupy, else the default
                stream. Through DLPack it waits for what was written to the tensors before; who reads the result in
                another stream has to wait for this one

    Returns out [B, Hq, Nq, Dv] (or layout), with return_lse a pair (out, lse [B, Hq, Nq]).

    The kernel is kept and used again by any call with an equal program: B, Nq above 4, Nk, run-time values and array contents may
    differ. Up to 4 queries are decoding: query heads that share keys are computed together. Key blocks that the mask hides are
    never computed; they are found from the mask's own code.

    Source: Vaswani et al. 2017, eq. 1, computed by online softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
    ValueError: shapes, layout, window, softcap, kv_len or out are wrong, or is_causal is ambiguous.
    TypeError: not float32 on the CPU, or a mask or score function that cannot be traced. fovea.Error: a compiler refusal.
    """
    options = Options(mask_mod, score_mod, is_causal, window, softcap, scale, q_offset, kv_len, layout, return_lse, sink, rope,
                      query_positions, key_positions, weights, query_norm, key_norm, norm_epsilon, additive)
    if isinstance(query, _Placeholder):
        return _Call(options, (query, key, value), enable_gqa, target)
    options, target = _checked(options), check_target(target)
    place = place_of(target)
    handle = place.stream(stream, (query, key, value))
    inputs = place.inputs((query, key, value), ("query", "key", "value"), stream)
    options = options._replace(element=place.element(inputs))
    module.check_flag(enable_gqa, "enable_gqa")
    dims = infer_dims(*(a.shape for a in inputs), layout, enable_gqa)
    check_causal(options, dims)
    check_positions(dims, options.q_offset)
    check_rope(options, dims)
    check_norm(options, dims)
    if sink is float:
        raise ValueError("sink: no value; pass an array [Hq] or a number")
    as_sink(sink, options, dims)  # refused before anything is compiled
    key = _key(options, dims, target)
    kernel = _without_mods.get(key)
    if kernel is None:
        program = module.emit(options, dims, _dynamic(dims))
        values = bind(program.operands, {}, params, dims)
        kernel = _kernel(program, options, dims, target)
        if key is not None:
            _without_mods[key] = kernel
    else:
        values = bind(kernel._operands, {name: getattr(options, name) for name in BUILT_IN}, params, dims)
        _counts["hits"] += 1
    return kernel._execute(inputs, dims, values, out, threads, sink, handle)


def compile(fn=None, *, like, dynamic=DYNAMIC, target=None, dtype=None, enable_gqa=True, **options):  # noqa: A001 - torch's name
    """A `Kernel` for arrays like `like`, to call many times.

    like     three arrays or shapes: query, key, value
    fn       a function of (query, key, value) that returns one fovea.attention(...) call; or leave it out and pass that
             call's keywords here
    dtype    "float16" or "bfloat16", for a GPU and a `like` of shapes
    dynamic  the dimensions that may differ between calls, any of "B", "Nq", "Nk"; the heads and their sizes are static
             For decoding leave "Nq" out: of few queries, known beforehand, heads that share keys are computed together

        kernel = fovea.compile(like=(q, k, v), is_causal=True, window=int)
        plan = kernel.plan(q, k, v, window=512)
        for layer in layers: plan.run(*layer)

    window, q_offset, kv_len and additive become run-time values. Give their value, or `int` (of additive `float`) when it comes
    with each call; sink=float when a sink comes with each run.
    ValueError, TypeError, fovea.Error: as `fovea.attention`.
    """
    if fn is not None:
        if options:
            raise TypeError(f"compile: pass {', '.join(options)} inside fn's call of fovea.attention")
        call = fn(*(_Placeholder(name) for name in ("query", "key", "value")))
        if not isinstance(call, _Call) or [p.name for p in call.inputs] != ["query", "key", "value"]:
            raise TypeError("compile: fn must return fovea.attention(query, key, value, ...) on its own arguments, in this order")
        chosen, enable_gqa, target = call.options, call.enable_gqa, target or call.target
    else:
        known = [name for name in Options._fields if name not in ("element", "latent")]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise TypeError(f"compile: unknown option {unknown[0]!r}; known are {', '.join(known)}")
        chosen = Options(**options)
    chosen = _checked(chosen)
    if not set(dynamic) <= set(DYNAMIC):
        raise ValueError(f"dynamic: only {', '.join(DYNAMIC)} can be dynamic, got {tuple(dynamic)}")
    if len(like) != 3:
        raise ValueError("like: expected three arrays or shapes: query, key, value")
    module.check_flag(enable_gqa, "enable_gqa")
    dims = infer_dims(*(shape_of(a, n) for a, n in zip(like, ("query", "key", "value"))), chosen.layout, enable_gqa)
    check_rope(chosen, dims)
    check_norm(chosen, dims)
    if chosen.sink is not None and chosen.sink is not float:
        as_sink(None, chosen, dims)
    if chosen.is_causal and not {"Nq", "Nk"} & set(dynamic):
        check_causal(chosen, dims)
    target = check_target(target)
    place = place_of(target)
    tensors = place.inputs(like, ("query", "key", "value")) if place.device >= 0 and is_array(like[0]) else ()
    chosen = chosen._replace(element=place.element(tensors, dtype))
    return Kernel(module.emit(chosen, dims, tuple(dynamic)), chosen, dims, target)


class CacheInfo(NamedTuple):
    kernels: int
    hits: int
    misses: int


def cache_info():
    """How many kernels `attention` has compiled and kept, and how often it found one."""
    return CacheInfo(len(_kernels), **_counts)


def cache_clear():
    """Forgets the kernels that `attention`, `latent_attention` and `linear_attention` have kept."""
    from . import latent  # which imports this module

    latent.forget()
    linear.forget()
    with _lock:
        _kernels.clear()
        _without_mods.clear()
        _counts.update(hits=0, misses=0)


def _key(options, dims, target):
    """What the text depends on when no function is traced; None when one is: functions differ by what they capture. Tables of a rope and
    gains are the call's as well."""
    if options.mask_mod is not None or options.score_mod is not None or options.rope is not None or has_norm(options) or int in (options.window, options.q_offset):
        return None
    offset = options.q_offset
    return (options._replace(window=options.window is not None, kv_len=options.kv_len is not None,
                             additive=options.additive is not None, sink=options.sink is not None,
                             q_offset=None if offset is None else offset >= 0),
            dims.Hq, dims.Hkv, dims.Dk, dims.Dv, None if "Nq" in _dynamic(dims) else dims.Nq, target)


def _dynamic(dims):
    """Of few queries, those of decoding, a kernel knows the number."""
    return DYNAMIC if dims.Nq > _MAX_STATIC_QUERIES else tuple(name for name in DYNAMIC if name != "Nq")


def _kernel(program, options, dims, target):
    # With a sink the text has a log-sum-exp whether the caller wants it or not.
    key = (program.mlir, target, options.return_lse, options.sink is not None)
    kernel = _kernels.get(key)
    if kernel is None:
        with _lock:  # equal concurrent calls compile once
            kernel = _kernels.get(key)
            if kernel is None:
                _counts["misses"] += 1
                for operand in program.operands:  # bound already; the kept kernel must not keep this call's arrays alive
                    operand.value = None
                options = options._replace(mask_mod=None, score_mod=None, kv_len=None, rope=None, additive=None,
                                           query_positions=None, key_positions=None, query_norm=None, key_norm=None,
                                           sink=None if options.sink is None else float)
                kernel = _kernels[key] = Kernel(program, options, dims, target)
                return kernel
    _counts["hits"] += 1
    return kernel


_NUMBERS = (("window", int), ("q_offset", int), ("softcap", float), ("scale", float), ("norm_epsilon", float))


def _checked(options):
    numbers = {name: value if value is int else scalar(value, name, kind) for name, kind in _NUMBERS
               if (value := getattr(options, name)) is not None}
    options = options._replace(**numbers) if numbers else options
    module.check_options(options)
    return options


class _Placeholder:
    """Stands for an array while `compile` asks a function what it computes."""

    def __init__(self, name):
        self.name = name


class _Call(NamedTuple):
    options: Options
    inputs: tuple
    enable_gqa: bool
    target: object
