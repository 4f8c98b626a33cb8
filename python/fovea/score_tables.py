# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores that add an element of an array. Public in scores.py.

The arrays are read by every run: other content does not compile again. Elements outside an array read as 0.
"""

from .functions import abs as magnitude
from .functions import maximum, minimum
from .named import Score, call
from .quantities import Number, Table, rank_of
from .rules import AxisIs, Covers


def dense_bias(bias, *, offset=0, is_mask=False):
    """s + bias[b, h, i - offset, j]. bias: floats [Nq, Nk], [Hq, Nq, Nk] or [B, Hq, Nq, Nk]; axes of size 1 are broadcast.

    Rows are absolute positions: with q_offset, pass it as offset when the bias begins with the first query of the call.
    is_mask=True says that -inf in the bias hides its key, as older frameworks pass masks: the compiler may look for hidden tiles, and
    then reads the bias when a plan is made.
    Source: Shaw et al., Self-Attention with Relative Position Representations, 2018, as an added table.
    """
    offset = Number("offset", offset)
    rank = max(rank_of(bias), 2)
    claims = ("attn.mask_bias",) if is_mask else ()
    meaning = "floats [Nq, Nk], [Hq, Nq, Nk] or [B, Hq, Nq, Nk]"
    shape = Table("bias", bias, "floats", [2, 3, 4], meaning).shape
    names = {2: (), 3: ("Hq",), 4: ("B", "Hq")}[rank]
    rules = [AxisIs("bias", axis, 1 if shape[axis] == 1 else name) for axis, name in enumerate(names)]
    if shape[-1] != 1:
        rules.append(Covers("bias", rank - 1, queries=False, keys=True))
    if shape[-2] != 1 and offset.constant == 0:
        rules.append(Covers("bias", rank - 2, queries=True, keys=False))
    table = Table("bias", bias, "floats", [2, 3, 4], meaning, rules=tuple(rules), claims=claims)

    def score(s, b, h, i, j):
        row = i if offset.constant == 0 else i - offset.at(b, h)
        at = {2: (), 3: (h,), 4: (b, h)}[rank]
        return s + table[tuple(0 if size == 1 else p for p, size in zip((*at, row, j), shape))]
    return Score(score, call("dense_bias", table, offset=None if offset.constant == 0 else offset, is_mask=is_mask or None))


def relative_bias(table):
    """s + table[h, j - i + N - 1], the distance clamped to what the table has. table: floats [2N - 1] or [Hq, 2N - 1].

    Source: Shaw et al., Self-Attention with Relative Position Representations, 2018.
    """
    rank = max(rank_of(table), 1)
    size = Table("table", table, "floats", [1, 2], "floats [2N - 1] or [Hq, 2N - 1]").shape[-1]
    if size % 2 == 0:
        raise ValueError(f"table: expected 2N - 1 distances, from -(N - 1) to N - 1, an odd number, got {size}")
    rules = (AxisIs("table", rank - 1, size), *([AxisIs("table", 0, "Hq")] if rank == 2 else []))
    table = Table("table", table, "floats", [1, 2], "", rules=rules)

    def score(s, b, h, i, j):
        distance = minimum(maximum(j - i + size // 2, 0), size - 1)
        return s + table[(h, distance) if rank == 2 else distance]
    return Score(score, call("relative_bias", table))


def relative_bias_2d(table, height, width):
    """s + table[(y_i - y_j + height - 1) (2 width - 1) + x_i - x_j + width - 1, h], with x = i % width and y = i // width.

    table: floats [(2 height - 1) (2 width - 1), Hq]. Positions are the pixels of one window.
    Source: Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, 2021.
    """
    height, width = (_constant(name, value, 1) for name, value in (("height", height), ("width", width)))
    rows = (2 * height - 1) * (2 * width - 1)
    table = Table("table", table, "floats", [2], f"floats [{rows}, Hq]", rules=(AxisIs("table", 0, rows), AxisIs("table", 1, "Hq")))
    if table.shape[0] != rows:
        raise ValueError(f"table: expected (2 height - 1) (2 width - 1) = {rows} rows, got shape {table.shape}")

    def score(s, b, h, i, j):
        down, right = i // width - j // width, i % width - j % width
        return s + table[(down + height - 1) * (2 * width - 1) + right + width - 1, h]
    return Score(score, call("relative_bias_2d", table, height, width))


def t5_bias(table, *, bidirectional=True, max_distance=128):
    """s + table[bucket(j - i), h]. table: floats [buckets, Hq].

    r = |j - i|, and n = buckets / 2 of them for each direction, or when causal r = max(i - j, 0) and n = buckets. With m = n // 2
    the bucket is r below m, else m + floor(ln(r / m) / ln(max_distance / m) (n - m)), at most n - 1; plus n where j > i.
    Source: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020.
    """
    buckets = Table("table", table, "floats", [2], "floats [buckets, Hq]").shape[0]
    table = Table("table", table, "floats", [2], "", rules=(AxisIs("table", 0, buckets), AxisIs("table", 1, "Hq")))
    if buckets < 2 or bidirectional and (buckets % 2 or buckets < 4):
        raise ValueError(f"table: expected {'an even number of at least 4' if bidirectional else 'at least 2'} buckets, got {buckets}")
    n = buckets // 2 if bidirectional else buckets
    max_distance = _constant("max_distance", max_distance, n // 2 + 1)
    starts = bucket_starts(n, max_distance)

    def score(s, b, h, i, j):
        r = magnitude(j - i) if bidirectional else maximum(i - j, 0)
        bucket = minimum(r, n // 2)
        for start in starts:
            bucket = bucket + (r >= start)
        return s + table[bucket + (j > i) * n if bidirectional else bucket, h]
    return Score(score, call("t5_bias", table, bidirectional=bidirectional, max_distance=max_distance))


def bucket_starts(n, max_distance):
    """The smallest distance of each bucket after m = n // 2, from integers alone: no logarithm decides a border.

    m + k begins at the first r with ln(r / m) / ln(max / m) (n - m) >= k, that is r^(n-m) m^k >= max^k m^(n-m).
    """
    m, starts, r = n // 2, [], n // 2
    for k in range(1, n - m):
        while r ** (n - m) * m**k < max_distance**k * m ** (n - m):
            r += 1
        starts.append(r)
    return starts


def _constant(name, value, least):
    """A constant of the formula, not of the data."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected a constant integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return value
