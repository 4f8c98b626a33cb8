# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rotary position embeddings by name, for `fovea.attention(..., rope=...)`, and sinusoidal ones.

    rope = fovea.positions.yarn(128, factor=32, trained_length=4096)
    out = fovea.attention(q, k, v, rope=rope, is_causal=True)

Queries and keys are rotated while the kernel loads them; a cache holds them as they are. The variants differ in the frequencies of
the pairs of columns, and perhaps a factor on cos and sin; `rerope` and `leaky_rerope` have two rotations, for near and far keys. All is
computed in float64 and rounded once.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Optional

import numpy as np

from .arrays import as_array
from .tracing import POSITION_BITS

_PAIRINGS = ("half", "interleaved")


@dataclass(frozen=True, eq=False)
class Rope:
    """A rotary embedding: pair f of a row at position p is turned by the angle p * frequencies[f].

    frequencies  float64 [R / 2], radians per position; columns from R on are not turned (partial rotation)
    factor       multiplies cos and sin (YaRN's attention factor)
    pairing      "half": columns f and f + R/2 are a pair (Llama, GPT-NeoX); "interleaved": 2f and 2f + 1 (GPT-J, the paper)
    axes         None, or for each pair which of several positions turns it (M-RoPE); see `sections`
    window       None, or the distance q_idx - kv_idx from which on a pair of query and key is far: it is turned as if the distance were
                 window + slope (distance - window); see `rerope` and `leaky_rerope`
    """

    frequencies: Any
    factor: float = 1.0
    pairing: str = "half"
    axes: Optional[tuple] = None
    window: Optional[int] = None
    slope: float = 0.0
    _tables: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        frequencies = np.asarray(self.frequencies, np.float64)
        if frequencies.ndim != 1 or frequencies.size == 0 or not np.isfinite(frequencies).all():
            raise ValueError(f"frequencies: expected finite numbers [R / 2], got shape {frequencies.shape}")
        if self.pairing not in _PAIRINGS:
            raise ValueError(f"pairing: expected 'half' or 'interleaved', got {self.pairing!r}")
        if not math.isfinite(self.factor):
            raise ValueError(f"factor: expected a finite number, got {self.factor}")
        object.__setattr__(self, "frequencies", frequencies)

    @property
    def pairs(self):
        return len(self.frequencies)

    def sections(self, *sizes, interleaved=False):
        """This embedding for tokens with several positions, in space and time say (M-RoPE, Qwen2-VL): of the pairs, the first sizes[0]
        turn by the first position, the next sizes[1] by the second, and so on. interleaved (Qwen3-VL): pair f turns by position
        f mod A, for as many pairs as that one has, else by the first.

        ValueError: the sizes do not add up to the number of pairs.
        """
        if sum(sizes) != self.pairs or any(size < 0 for size in sizes):
            raise ValueError(f"sections: {sizes} add up to {sum(sizes)}, but there are {self.pairs} pairs")
        if self.window is not None:
            raise ValueError("sections: a rope with a window counts the distance of tokens, which have one position each")
        count = len(sizes)
        if interleaved:
            axes = [f % count if f // count < sizes[f % count] else 0 for f in range(self.pairs)]
        else:
            axes = [axis for axis, size in enumerate(sizes) for _ in range(size)]
        return replace(self, axes=tuple(axes), _tables={})

    def table(self, rows):
        """cos and sin, float32 [P, R / 2], of the positions 0 to P - 1, P >= rows; kept and grown."""
        if self._tables.get("rows", 0) < rows:
            count = max(1024, 1 << (rows - 1).bit_length())
            self._tables["all"] = self._at(np.arange(count)[:, None] * self.frequencies)
            self._tables["rows"] = count
        return self._tables["all"]

    def far_table(self, side, rows):
        """As `table`, of far queries or keys: the first stand at slope p + (1 - slope) window, the others at slope p. Where the slope is 0
        keys do not turn, the factor of both is the queries', and all rows of the table are one."""
        start = (1 - self.slope) * self.window if side == "query" else 0.0
        if self.slope == 0:
            return tuple(np.broadcast_to(x * np.float32(self.factor), (rows, self.pairs)) for x in self._at(start * self.frequencies))
        kept, count = self._tables.get(side, ((), 0))
        if count < rows:
            count = max(1024, 1 << (rows - 1).bit_length())
            kept = self._at((self.slope * np.arange(count) + start)[:, None] * self.frequencies)
            self._tables[side] = kept, count
        return kept

    def at(self, positions):
        """cos and sin, float32 [B, N, R / 2], of positions [B, N], or of [A, B, N] with sections."""
        if self.axes is None:
            return self._at(positions[..., None] * self.frequencies)
        return self._at(np.moveaxis(positions[list(self.axes)], 0, -1) * self.frequencies)

    def _at(self, angles):
        return tuple((f(angles) * self.factor).astype(np.float32) for f in (np.cos, np.sin))


def rope(dim, base=10000.0, *, pairing="half"):
    """The paper's: frequencies base^(-2f/dim). dim: columns that turn, all of a head or fewer.

    Source: Su et al. 2021. ValueError: dim is odd, or a number out of range.
    """
    return Rope(_frequencies(dim, base), pairing=pairing)


def linear(dim, factor, base=10000.0, *, pairing="half"):
    """Position interpolation: all frequencies divided by `factor`. Source: Chen et al. 2023."""
    return Rope(_frequencies(dim, base) / _positive(factor, "factor"), pairing=pairing)


def ntk(dim, factor, base=10000.0, *, pairing="half"):
    """NTK-aware scaling: base * factor^(dim / (dim - 2)). Source: Peng et al. 2023, section 3.1."""
    return Rope(_frequencies(dim, _ntk_base(dim, _positive(factor, "factor"), base)), pairing=pairing)


def dynamic_ntk(dim, factor, length, trained_length, base=10000.0, *, pairing="half"):
    """NTK-aware scaling by how much `length`, that of the sequence now, is longer than the model was trained for.

    Source: Peng et al. 2023, appendix B.1; factor as Hugging Face transformers has it.
    """
    trained = _positive(trained_length, "trained_length")
    ratio = max(_positive(length, "length"), trained) / trained
    factor = _positive(factor, "factor")
    return Rope(_frequencies(dim, _ntk_base(dim, factor * ratio - factor + 1, base)), pairing=pairing)


def yarn(dim, factor, trained_length, base=10000.0, *, beta_fast=32.0, beta_slow=1.0, attention_factor=None, truncate=True, pairing="half"):
    """YaRN: fast pairs turn as before, slow ones are interpolated, those between are mixed.

    attention_factor  on cos and sin; None: 0.1 ln(factor) + 1 above a factor of 1. DeepSeek changes the softmax scale instead: pass 1 here,
                      and the scale to `fovea.attention`
    truncate          round the ends of the ramp to whole pairs
    Source: Peng et al. 2023, sections 3.2 to 3.4.
    """
    factor, trained = _positive(factor, "factor"), _positive(trained_length, "trained_length")
    if not beta_fast >= beta_slow > 0:
        raise ValueError(f"beta_fast, beta_slow: expected beta_fast >= beta_slow > 0, got {beta_fast} and {beta_slow}")
    frequencies = _frequencies(dim, base)

    def pair_of(turns):  # that makes so many turns over the trained length
        return dim * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(base))

    low, high = pair_of(beta_fast), pair_of(beta_slow)
    if truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    if low == high:
        high += 0.001
    kept = 1 - np.clip((np.arange(dim // 2) - low) / (high - low), 0, 1)
    if attention_factor is None:
        attention_factor = 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
    return Rope(frequencies * kept + frequencies / factor * (1 - kept), attention_factor, pairing)


def llama3(dim, factor=8.0, trained_length=8192, base=500000.0, *, low_freq_factor=1.0, high_freq_factor=4.0, pairing="half"):
    """Llama 3.1: pairs of long waves are interpolated, with a smooth step. Source: Llama 3.1's and transformers' configuration."""
    if not high_freq_factor > low_freq_factor > 0:
        raise ValueError(f"low_freq_factor, high_freq_factor: expected 0 < low < high, got {low_freq_factor} and {high_freq_factor}")
    frequencies = _frequencies(dim, base)
    turns = _positive(trained_length, "trained_length") * frequencies / (2 * math.pi)
    kept = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return Rope(frequencies * (kept + (1 - kept) / _positive(factor, "factor")), pairing=pairing)


def rerope(dim, window, base=10000.0, *, pairing="half"):
    """ReRoPE: `rope` for keys less than `window` positions behind the query; a key further behind is turned as if it were `window`
    positions behind, so that no distance is longer than the model was trained for. Twice the products only of blocks of keys where both
    kinds meet. A cache holds keys as they are. Source: Su 2023 (Rectified Rotary Position Embeddings)."""
    return _far(rope(dim, base, pairing=pairing), window, 0.0)


def leaky_rerope(dim, window, k, base=10000.0, *, pairing="half"):
    """Leaky ReRoPE: as `rerope`, and the distance d of a far key counts as window + (d - window) / k. Source: Su 2023."""
    return _far(rope(dim, base, pairing=pairing), window, 1 / _positive(k, "k"))


def _far(near, window, slope):
    if isinstance(window, bool) or not isinstance(window, (int, np.integer)):
        raise TypeError(f"window: expected an integer, got {window!r}")
    if not 1 <= window < 2**POSITION_BITS:
        raise ValueError(f"window: expected a distance from 1 to 2**{POSITION_BITS} - 1, got {window}")
    return replace(near, window=int(window), slope=slope, _tables={})


def sinusoidal(rows, dim, base=10000.0):
    """float32 [rows, dim] to add to embeddings: columns 2i and 2i + 1 are sin and cos of p / base^(2i/dim). Source: Vaswani et al. 2017."""
    angles = np.arange(rows)[:, None] * _frequencies(dim, base)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(rows, dim).astype(np.float32)


def _frequencies(dim, base):
    if dim < 2 or dim % 2:
        raise ValueError(f"dim: expected an even number of columns, 2 or more, got {dim}")
    if not base > 1:
        raise ValueError(f"base: expected a number above 1, got {base}")
    return float(base) ** (-np.arange(0, dim, 2) / dim)


def _ntk_base(dim, factor, base):
    if dim < 4:
        raise ValueError(f"dim: NTK scaling needs 4 columns or more, got {dim}")
    return base * factor ** (dim / (dim - 2))


def _positive(value, name):
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name}: expected a positive number, got {value}")
    return float(value)


def check_rope(options, dims):
    """ValueError or TypeError for a rope that does not fit the call."""
    rope = options.rope
    given = {name: getattr(options, name) for name in ("query_positions", "key_positions") if getattr(options, name) is not None}
    if rope is None:
        if given:
            raise ValueError(f"{next(iter(given))}: only a rope reads it; pass rope=fovea.positions.rope(...)")
        return
    if not isinstance(rope, Rope):
        raise TypeError(f"rope: expected one of fovea.positions, such as rope(64), got {rope!r}")
    if 2 * rope.pairs > dims.Dk:
        raise ValueError(f"rope: turns {2 * rope.pairs} columns, but query and key have {dims.Dk}")
    if rope.window is not None and given:
        raise ValueError(f"{next(iter(given))}: a rope with a window counts the distance from q_idx to kv_idx; pass q_offset instead")
    if rope.axes is not None and len(given) != 2:
        raise ValueError("rope: with sections, query_positions and key_positions say where a token stands on each axis; pass both")


def as_positions(value, name, rope, shape):
    """Integers [B, N], or [A, B, N] with sections, none negative."""
    array = as_array(value, name) if not isinstance(value, (list, tuple)) else np.array(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {array.dtype}")
    expected = shape if rope.axes is None else (max(rope.axes) + 1, *shape)
    ok = array.shape == expected if rope.axes is None else array.ndim == 3 and array.shape[0] >= expected[0] and array.shape[1:] == shape
    if not ok:
        raise ValueError(f"{name}: expected shape {expected}, got {array.shape}")
    if array.size and not 0 <= array.min() <= array.max() < 2**POSITION_BITS:
        raise ValueError(f"{name}: expected positions from 0 to 2**{POSITION_BITS} - 1, got {array.min()} to {array.max()}")
    return np.ascontiguousarray(array, np.int64)
