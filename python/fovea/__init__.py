# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fovea: write the attention variant, not the kernel.

    import fovea
    out = fovea.attention(q, k, v, mask_mod=lambda b, h, q_idx, kv_idx: (q_idx >= kv_idx) & (q_idx - kv_idx < 128))

`attention` computes; `compile` returns a kernel to plan once and run many times; `param` names a run-time value.
`additive_attention` has Bahdanau's scores, `latent_attention` computes MLA with its projections, `linear_attention` the kind without a softmax, with `Performer` and `retnet_decay`. `masks`, `scores` and `positions` have
the known variants by name. For masks and scores of your own: `where`, `minimum`, `maximum`, `abs`, `exp`, `log`,
`sqrt`, `tanh`, `floor`, and Python's operators.
"""

from . import masks, positions, scores
from .additive import additive_attention
from .attention import attention, cache_clear, cache_info, compile
from .errors import Error, InvalidError
from .features import Performer, retnet_decay
from .functions import abs, exp, floor, log, maximum, minimum, sqrt, tanh, where
from .graph_filter import graph_filter_attention
from .kernel import Kernel, Plan, PlanStats
from .latent import latent_attention
from .linear import linear_attention
from .operands import param
from .tiles import TileMap, plot

__all__ = ["Error", "InvalidError", "Kernel", "Performer", "Plan", "PlanStats", "TileMap", "abs", "additive_attention", "attention", "cache_clear", "cache_info", "compile",
           "exp", "floor", "graph_filter_attention", "latent_attention", "linear_attention", "log", "masks", "maximum", "minimum", "param", "plot", "positions",
           "retnet_decay", "scores", "sqrt", "tanh", "where"]
__version__ = "0.1.0"
