# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latent attention (MLA): keys and values of all heads come from one small row per position."""

import threading
from typing import NamedTuple, Optional

from . import module
from .arguments import bind, check_causal, check_positions, check_target
from .arrays import as_float32
from .attention import _checked
from .kernel import Kernel
from .module import Options
from .positions import check_rope

FORMS = ("absorbed", "expanded")
_lock = threading.Lock()
_kernels = {}


class Dims(NamedTuple):
    """The sizes of one call. A row of the cache has Dc columns of a latent and others that all heads share."""

    B: int
    Hq: int
    Hkv: int
    Nq: int
    Nk: int
    Dk: int
    Dv: int
    Dc: int
    Dnope: int   # columns of a key that come from the latent
    Dcache: int


class Latent(NamedTuple):
    form: Optional[str]


class LatentKernel(Kernel):
    names = ("query", "cache", "key_up", "value_up")


def latent_attention(query, cache, key_up, value_up, *, mask_mod=None, score_mod=None, is_causal=False, window=None, softcap=None,
                     scale=None, q_offset=None, kv_len=None, layout="bhnd", rope=None, query_positions=None, key_positions=None,
                     form=None, out=None, return_lse=False, params=None, threads=None, target=None):
    """Multi-head latent attention, with its projections, compiled for this machine. Of each row [c, r] of the cache:

        k[h,j] = [key_up[h] c_j, r_j]        v[h,j] = value_up[h] c_j
        out    = fovea.attention(query, k, v, ...)

    and neither k nor v is ever in memory as a whole.

    query     [B, H, Nq, Dk], its last R columns meet r
    cache     [B, Nk, Dc + R]: a latent of Dc columns (512 in DeepSeek-V3), then R columns that keys of all heads share (64)
    key_up    [H, Dk - R, Dc], value_up [H, Dv, Dc]: slices of the weight of a linear layer, `kv_b_proj.view(H, -1, Dc)`, as they lie
    rope      turns the last columns of query and cache; a cache of rotated rows, as inference engines keep it, needs it for the query only:
              rotate that before
    form      None: by the number of products, from the sizes of each call. "expanded" makes keys and values of a head, block by
              block: many queries share them. "absorbed" takes queries to the latents and sums of latents to the output: few queries
    scale     1/sqrt(Dk) by default; DeepSeek's models multiply it by mscale^2
    others    as for `fovea.attention`; layout="bnhd" is that of query and out

    float32 numpy arrays or CPU tensors with DLPack, of any strides, read in place. Returns out [B, H, Nq, Dv] (or layout), with return_lse
    a pair (out, lse [B, H, Nq]).

    Source: DeepSeek-AI 2024 (DeepSeek-V2), eq. 9 to 19. ValueError: shapes that do not fit. TypeError: not float32 on the CPU.
    """
    if form not in (None, *FORMS):
        raise ValueError(f"form: expected None, {', '.join(map(repr, FORMS))}, got {form!r}")
    options = _checked(Options(mask_mod, score_mod, is_causal, window, softcap, scale, q_offset, kv_len, layout, return_lse, None, rope,
                               query_positions, key_positions, latent=Latent(form)))
    target = check_target(target)
    inputs = [as_float32(a, n) for a, n in zip((query, cache, key_up, value_up), LatentKernel.names)]
    dims = infer_dims(*(a.shape for a in inputs), layout)
    inputs[1] = inputs[1][:, None] if layout == "bhnd" else inputs[1][:, :, None]
    check_causal(options, dims)
    check_positions(dims, options.q_offset)
    check_rope(options, dims)
    if rope is not None and rope.window is not None:
        raise ValueError("rope: latent attention has one rotation; rerope and leaky_rerope are of fovea.attention")
    if rope is not None and 2 * rope.pairs > dims.Dcache - dims.Dc:
        raise ValueError(f"rope: turns {2 * rope.pairs} columns, but only {dims.Dcache - dims.Dc} of the cache are no latents")
    program = module.emit(options, dims)
    values = bind(program.operands, {}, params, dims)
    kernel = _kernel(program, options, dims, target)
    return kernel._execute(inputs, dims, values, out, threads, None)


def infer_dims(query, cache, key_up, value_up, layout):
    """The sizes of one call from four shapes. ValueError: ranks or sizes that do not fit."""
    for name, shape, rank, expected in (("query", query, 4, "[B, H, N, Dk]" if layout == "bhnd" else "[B, N, H, Dk]"),
                                        ("cache", cache, 3, "[B, Nk, Dc + R]"), ("key_up", key_up, 3, "[H, Dk - R, Dc]"),
                                        ("value_up", value_up, 3, "[H, Dv, Dc]")):
        if len(shape) != rank:
            raise ValueError(f"{name}: expected rank {rank}, {expected}, got shape {shape}")
    h, n = (1, 2) if layout == "bhnd" else (2, 1)
    if cache[0] != query[0]:
        raise ValueError(f"query {query} and cache {cache} differ in batch size")
    if key_up[0] != query[h] or value_up[0] != query[h]:
        raise ValueError(f"key_up {key_up} and value_up {value_up}: expected a projection for each of {query[h]} query heads")
    if key_up[2] != value_up[2]:
        raise ValueError(f"key_up {key_up} and value_up {value_up} project latents of different widths")
    shared = cache[2] - key_up[2]
    if min(*key_up, *value_up) < 1 or shared < 0 or key_up[1] + shared != query[3]:
        raise ValueError(f"cache {cache} has {cache[2]} columns, of which key_up {key_up} makes {key_up[1]} of {key_up[2]} latents and leaves "
                         f"{shared}: that are not the {query[3]} columns of query")
    return Dims(query[0], query[h], 1, query[n], cache[1], query[3], value_up[1], key_up[2], key_up[1], cache[2])


def _kernel(program, options, dims, target):
    key = (program.mlir, target, options.return_lse)
    with _lock:
        if key not in _kernels:
            for operand in program.operands:  # bound already; the kept kernel must not keep this call's arrays alive
                operand.value = None
            options = options._replace(mask_mod=None, score_mod=None, kv_len=None, rope=None, query_positions=None, key_positions=None)
            _kernels[key] = LatentKernel(program, options, dims, target)
        return _kernels[key]


def forget():
    """Forgets the kernels."""
    with _lock:
        _kernels.clear()
