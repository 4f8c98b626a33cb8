# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One attention call as the text of an MLIR module."""

import functools
import inspect
import re
from typing import Any, Callable, NamedTuple, Optional

import numpy as np

from .capture import instrument
from . import norms
from .operands import Operands, position
from .rotation import TableOperand, far_sides_of, is_far, pairing, rotate, sides_of
from .tracing import Builder, Traced, binary, convert, float_literal, lift

DYNAMIC = ("B", "Nq", "Nk")
_TINY, _LARGEST = (float(x) for x in (np.finfo(np.float32).tiny, np.finfo(np.float32).max))


class Dims(NamedTuple):
    """The sizes of one call, by the names that the module text uses."""

    B: int
    Hq: int
    Hkv: int
    Nq: int
    Nk: int
    Dk: int
    Dv: int


class Options(NamedTuple):
    """The arguments of `fovea.attention` that describe the attention rather than its data."""

    mask_mod: Optional[Callable] = None
    score_mod: Optional[Callable] = None
    is_causal: bool = False
    window: Any = None
    softcap: Optional[float] = None
    scale: Optional[float] = None
    q_offset: Any = None
    kv_len: Any = None
    layout: str = "bhnd"
    return_lse: bool = False
    sink: Any = None
    rope: Any = None
    query_positions: Any = None
    key_positions: Any = None
    weights: str = "softmax"
    query_norm: Any = None
    key_norm: Any = None
    norm_epsilon: float = norms.EPSILON
    additive: Any = None
    latent: Any = None    # of `fovea.latent_attention`: its shape; found, not given
    element: str = "f32"  # the MLIR type of query, key, value and output; found, not given

    @property
    def needs_lse(self):
        """A sink enters after the kernel, through the log-sum-exp."""
        return self.return_lse or self.sink is not None


class Program(NamedTuple):
    """Module text, and the operands its function takes after query, key and value."""

    mlir: str
    operands: list
    nonneg_offset: bool  # the text relies on q_offset >= 0


def emit(options, dims, dynamic=DYNAMIC):
    """The program for `options` on arrays of `dims`; dimensions named in `dynamic` may change between calls."""
    operands = Operands()
    offset = None
    if options.q_offset is not None:
        offset = operands.add("q_offset", "q_offset", "index", options.q_offset)
    additive = []
    if options.additive is not None:
        additive = [operands.add("additive", "additive", f"tensor<{dims.Hq}x{dims.Dk}xf32>", options.additive, make=TableOperand)]
    latent = options.latent
    has_far = options.rope is not None and options.rope.window is not None
    is_fused = latent is not None or norms.has_norm(options) or has_far  # rotations are clauses
    rotations, query, key = (lambda types: [], "%query", "%cache" if latent else "%key") if is_fused else rotate(operands, options, offset)
    nonneg = options.q_offset is None or options.q_offset is int or options.q_offset >= 0
    turned = sides_of(operands, options) if is_fused and options.rope is not None else {}
    far_turned = far_sides_of(operands, options) if has_far else {}
    gains = norms.norms_of(operands, options, dims)
    score = _region(operands, nonneg, "score", lambda *at: _score(options, *at))
    mask = _region(operands, nonneg, "mask", lambda *at: _mask(options, operands, *at))
    far = _region(operands, nonneg, "far", lambda b, h, i, j: is_far(options, operands, i, j))
    static = tuple("?" if name in dynamic else str(size) for name, size in zip(dims._fields, dims))
    arguments, types, results = _signature(dims._fields, static, options.layout, options.needs_lse, options.element)
    arguments = [*arguments, *(o.declare() for o in operands.all)]
    tables, far_tables = ([o.type for side in sides.values() for o in side] for sides in (turned, far_turned))
    inputs = ", ".join([*types[:3], *(["index"] if offset else []), *tables, *types[3:], *(o.type for o in gains.values()),
                         *(o.type for o in additive), *far_tables])
    result_list = results[0] if len(results) == 1 else f"({', '.join(results)})"
    names = ["%o", "%lse"][:len(results)]
    clauses = "".join((
        f" q_offset %{offset.ssa}" if offset else "",
        norms.clauses(gains, options),
        *(f" {name}_rope({', '.join(f'%{o.ssa}' for o in side)})" for name, side in (*turned.items(), *far_turned.items())),
        pairing(options.rope) if turned else "",
        " latent(%key_up, %value_up)" if latent else "",
        f" form <{latent.form}>" if latent and latent.form else "",
        *(f" additive(%{o.ssa})" for o in additive),
        " weights <pointwise>" if options.weights == "pointwise" else "",
        f" scale {float_literal(options.scale, single=False)}" if options.scale is not None else "",
        " layout <bnhd>" if options.layout == "bnhd" else "",
    ))
    lines = [
        f"func.func @attention({', '.join(arguments)}) -> {result_list} {{",
        *(f"  {line}" for line in rotations(types)),
        f"  {', '.join(names)} = attn.attention {query}, {key}, {key if latent else '%value'}{clauses}",
        *score, *mask, *far,
        f"    : ({inputs}) -> {result_list}",
        f"  return {', '.join(names)} : {', '.join(results)}",
        "}",
    ]
    return Program("\n".join(lines) + "\n", operands.all, options.q_offset is not None and nonneg)


@functools.lru_cache(maxsize=256)
def _signature(fields, sizes, layout, needs_lse, element):
    """Arguments of the tensors, types of the op's tensors, and the types of the results; `sizes` of the dimensions in `fields`."""
    sizes = dict(zip(fields, sizes))

    def tensor(names, of=element):
        return f"tensor<{'x'.join(sizes[n] for n in names)}x{of}>"

    def order(b, h, n, d):
        return (b, h, n, d) if layout == "bhnd" else (b, n, h, d)

    if "Dc" in sizes:
        inputs = {"query": order("B", "Hq", "Nq", "Dk"), "cache": order("B", "Hkv", "Nk", "Dcache"),
                  "key_up": ("Hq", "Dnope", "Dc"), "value_up": ("Hq", "Dv", "Dc")}
    else:
        inputs = {"query": order("B", "Hq", "Nq", "Dk"), "key": order("B", "Hkv", "Nk", "Dk"), "value": order("B", "Hkv", "Nk", "Dv")}
    arguments = []
    for name, dims in inputs.items():
        listed = ", ".join(f'"{n}"' for n in dims)
        arguments.append(f"%{name}: {tensor(dims)} {{attn.dims = [{listed}]}}")
    if "Dc" in sizes:
        inputs = {"query": inputs["query"], "key": inputs["cache"], "value": inputs["cache"], **inputs}
        del inputs["cache"]
    results = [tensor(order("B", "Hq", "Nq", "Dv")), tensor(("B", "Hq", "Nq"), "f32")]
    return arguments, [tensor(dims) for dims in inputs.values()], results[:2 if needs_lse else 1]


def _region(operands, nonneg, keyword, body):
    """Lines of one region; none when `body` returns None."""
    is_score = keyword == "score"
    builder = Builder(operands)
    at = [position(builder, "%b"), position(builder, "%h"), position(builder, "%i", nonneg), position(builder, "%j")]
    score = [Traced(builder, "%s", "f32")] if is_score else []
    with builder.active():
        result = body(*score, *at)
        if result is None:
            return []
        result = convert(result, "f32" if is_score else "i1")
    first = "%s, " if is_score else ""
    return [f"    {keyword} ({first}%b, %h, %i, %j) {{", *(f"      {line}" for line in _live(builder.lines, result.name)),
            f"      attn.yield {result.name} : {result.kind}", "    }"]


def _live(lines, result):
    """Only the lines that `result` needs: folding leaves dead ones behind."""
    needed, kept = {result}, []
    for line in reversed(lines):
        name, _, expression = line.partition(" = ")
        if name in needed:
            needed.update(re.findall(r"%\d+", expression))
            kept.append(line)
    return reversed(kept)


def _score(options, s, b, h, i, j):
    """softcap * tanh(s / softcap), then score_mod."""
    if options.softcap is None and options.score_mod is None:
        return None
    if options.softcap is not None:
        from .functions import tanh
        s = tanh(s * (1.0 / options.softcap)) * options.softcap
    if options.score_mod is not None:
        s = _call("score_mod", options.score_mod, s, b, h, i, j)
    return s


def _mask(options, operands, b, h, i, j):
    """The conjunction of what the options ask for; None when nothing is masked."""
    terms = []
    if options.is_causal:
        terms.append(i >= j)
    if options.window is not None:
        window = operands.add("window", "window", "index", options.window)
        terms.append(i - j < Traced(b.builder, f"%{window.ssa}", "index"))
    if options.kv_len is not None:
        lengths = operands.add("kv_len", "kv_len", "tensor<?xi32>", options.kv_len, ("B",))
        length = b.builder.emit(f"tensor.extract %{lengths.ssa}[%b] : tensor<?xi32>", "i32")
        terms.append(j < b.builder.emit(f"arith.index_cast {length.name} : i32 to index", "index", bits=31))
    if options.mask_mod is not None:
        keep = lift(_call("mask_mod", options.mask_mod, b, h, i, j))
        if keep.kind == "f32":
            raise TypeError("mask_mod must return a truth value (a comparison), not a float; "
                            "an additive bias belongs in score_mod")
        keep = convert(keep, "i1")
        if keep.const is not True or terms:
            terms.append(keep)
    if not terms:
        return None
    keep = terms[0]
    for term in terms[1:]:
        keep = binary("and", keep, term)
    return keep


def _call(what, function, *at):
    try:
        result = instrument(function)(*at)
    except TypeError:
        _check_signature(what, function, at)
        raise
    except IndexError as error:
        if "only integers" not in str(error):  # numpy's own words for an index it does not know
            raise
        raise TypeError(f"{what} indexes an array that is not captured by name (an attribute of an object, say): "
                        "assign it to a local variable first, or use fovea.param(name, array)") from error
    if result is None:
        raise TypeError(f"{what} returned None; it must return the {'kept truth value' if what == 'mask_mod' else 'score'}")
    return result


def _check_signature(what, function, at):
    try:
        signature = inspect.signature(function)
        signature.bind(*at)
    except ValueError:  # builtins may not tell
        return
    except TypeError:
        names = ("score, " if what == "score_mod" else "") + "b, h, q_idx, kv_idx"
        raise TypeError(f"{what} is called with ({names}), but it takes {signature}") from None


def check_options(options):
    """ValueError or TypeError for what no kernel can mean."""
    for name in ("mask_mod", "score_mod"):
        if getattr(options, name) is not None and not callable(getattr(options, name)):
            raise TypeError(f"{name}: expected a function of (" + ("score, " if name == "score_mod" else "")
                            + f"b, h, q_idx, kv_idx), got {type(getattr(options, name)).__name__}")
    if options.layout not in ("bhnd", "bnhd"):
        raise ValueError(f'layout: expected "bhnd" ([B, H, N, D]) or "bnhd" ([B, N, H, D]), got {options.layout!r}')
    if options.weights not in ("softmax", "pointwise"):
        raise ValueError(f'weights: expected "softmax" or "pointwise", got {options.weights!r}')
    if options.weights == "pointwise" and options.needs_lse:
        raise ValueError(f"{'sink' if options.sink is not None else 'return_lse'}: pointwise weights have no log-sum-exp")
    for name in ("is_causal", "return_lse"):
        check_flag(getattr(options, name), name)
    # Scores are float32: what rounds to 0 or infinity there would make NaN of them.
    if options.softcap is not None and not _TINY <= options.softcap <= _LARGEST:
        raise ValueError(f"softcap: expected a positive number from 1.2e-38 to 3.4e38, got {options.softcap!r}")
    if options.scale is not None and not abs(options.scale) <= _LARGEST:
        raise ValueError(f"scale: expected a finite number of at most 3.4e38, got {options.scale!r}")


def check_flag(value, name):
    """TypeError for what is only true or false by accident, such as "no"."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
