# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks by name: functions that return a `Mask`, to pass as mask_mod.

    fovea.attention(q, k, v, mask_mod=masks.causal() & masks.sliding_window(512))

i is the absolute position of the query (row + q_offset), j of the key, b the sequence, h the query head. Compose masks with
& | ^ ~, or `all_of`, `any_of`, `negate`. A number may be a constant, fovea.param("name", ...), an array of rank 0, or one per
head or sequence (`per_head`, `per_sequence`): all but constants are run-time values, and another value never compiles again.
The list with formulas and sources: docs/masks.md.
"""

from .functions import abs as magnitude
from .functions import maximum, minimum
from .mask_tables import (block_sparse, documents, documents_by_start, left_padding, padding, tree, tree_ancestors, tree_bits,
                          tree_words)
from .named import Mask, as_mask, call
from .quantities import Number, Table, per_head, per_sequence, rank_of
from .random_blocks import bigbird, random_blocks
from .rules import Covers

__all__ = ["Mask", "all_of", "any_of", "bigbird", "block_diagonal", "block_sparse", "causal", "chunked", "dilated", "documents",
           "documents_by_start", "full", "left_padding", "local_global", "negate", "neighbourhood", "none", "padding", "per_head",
           "per_sequence", "prefix_lm", "random_blocks", "sliding_window", "symmetric_window", "tree", "tree_ancestors",
           "tree_bits", "tree_words", "window_and_sinks"]


def full():
    """Every key: true. No mask code is compiled."""
    return Mask(lambda b, h, i, j: True, "full()")


def none():
    """No key: false. Every row gives 0."""
    return Mask(lambda b, h, i, j: False, "none()")


def causal(offset=0):
    """i + offset >= j. offset 0 aligns the first query with the first key (top-left), Nk - Nq the last with the last
    (bottom-right); leave it 0 when q_offset already says where the queries are.

    Source: Vaswani et al., Attention Is All You Need, 2017.
    """
    offset = Number("offset", offset, plain_axis=per_sequence)
    shown = () if offset.constant == 0 else (offset,)
    return Mask(lambda b, h, i, j: offset.added_to(i, b, h) >= j, call("causal", *shown))


def prefix_lm(prefix):
    """i >= j or j < prefix: everyone sees the prefix. prefix: a number, or integers [B].

    Source: Raffel et al., Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer, 2020.
    """
    prefix = Number("prefix", prefix, least=0, plain_axis=per_sequence)
    return Mask(lambda b, h, i, j: (i >= j) | (j < prefix.at(b, h)), call("prefix_lm", prefix))


def sliding_window(window):
    """0 <= i - j < window: the query's own key and the window - 1 before it.

    Source: Beltagy et al., Longformer: The Long-Document Transformer, 2020; Jiang et al., Mistral 7B, 2023.
    """
    window = Number("window", window, least=1)
    return Mask(lambda b, h, i, j: (i >= j) & (i - j < window.at(b, h)), call("sliding_window", window))


def symmetric_window(radius):
    """|i - j| <= radius, to both sides.

    Source: Beltagy et al., Longformer: The Long-Document Transformer, 2020.
    """
    radius = Number("radius", radius, least=0)
    return Mask(lambda b, h, i, j: magnitude(i - j) <= radius.at(b, h), call("symmetric_window", radius))


def window_and_sinks(window, sinks):
    """i >= j and (j < sinks or i - j < window): a window, and the first keys of all.

    Source: Xiao et al., Efficient Streaming Language Models with Attention Sinks, 2023.
    """
    window, sinks = Number("window", window, least=1), Number("sinks", sinks, least=0)
    return Mask(lambda b, h, i, j: (i >= j) & ((j < sinks.at(b, h)) | (i - j < window.at(b, h))),
                call("window_and_sinks", window, sinks))


def local_global(radius, global_tokens):
    """|i - j| <= radius, or i or j is global. global_tokens: how many from position 0, or booleans [N], one per position.

    Source: Beltagy et al., Longformer: The Long-Document Transformer, 2020.
    """
    radius = Number("radius", radius, least=0)
    if rank_of(global_tokens) > 0:
        chosen = Table("global_tokens", global_tokens, "booleans", [1], "booleans [N], one per position",
                       rules=(Covers("global_tokens", 0, queries=True, keys=True),))
        return Mask(lambda b, h, i, j: (magnitude(i - j) <= radius.at(b, h)) | chosen[i] | chosen[j],
                    call("local_global", radius, chosen))
    count = Number("global_tokens", global_tokens, least=0)
    return Mask(lambda b, h, i, j: (magnitude(i - j) <= radius.at(b, h)) | (i < count.at(b, h)) | (j < count.at(b, h)),
                call("local_global", radius, count))


def dilated(dilation, window=None):
    """i >= j, dilation divides i - j, and (i - j) // dilation < window when a window is given.

    Source: Beltagy et al., Longformer: The Long-Document Transformer, 2020; without a window it is the strided pattern of Child
    et al., Generating Long Sequences with Sparse Transformers, 2019.
    """
    dilation = Number("dilation", dilation, least=1)
    window = None if window is None else Number("window", window, least=1)

    def keep(b, h, i, j):
        step = dilation.divisor(b, h)
        visible = (i >= j) & (magnitude(i - j) % step == 0)  # |i - j|: remainders of negative numbers cost more, and never count
        return visible if window is None else visible & (i - j < step * window.at(b, h))
    return Mask(keep, call("dilated", dilation, window=window))


def block_diagonal(size):
    """i // size == j // size.

    Source: Qiu et al., Blockwise Self-Attention for Long Document Understanding, 2020.
    """
    size = Number("size", size, least=1)
    return Mask(lambda b, h, i, j: i // size.divisor(b, h) == j // size.divisor(b, h), call("block_diagonal", size))


def chunked(size):
    """i >= j and i // size == j // size: causal within chunks.

    Source: Meta, The Llama 4 herd, 2025.
    """
    size = Number("size", size, least=1)
    return Mask(lambda b, h, i, j: (i >= j) & (i // size.divisor(b, h) == j // size.divisor(b, h)), call("chunked", size))


def neighbourhood(width, radius, *, height=None):
    """Positions are pixels of an image, x = i % width, y = i // width: |x_i - x_j| <= radius and |y_i - y_j| <= radius.

    With `height`, the window is moved inside the image at its borders, so that every pixel sees (2 radius + 1)^2 keys:
    x_i is clamped to [radius, width - 1 - radius], y_i likewise.
    Source: Ramachandran et al., Stand-Alone Self-Attention in Vision Models, 2019; with height, Hassani et al., Neighborhood
    Attention Transformer, 2023.
    """
    width, radius = Number("width", width, least=1), Number("radius", radius, least=0)
    height = None if height is None else Number("height", height, least=1)
    for name, size in (("width", width), ("height", height)):
        if height is not None and None not in (size.constant, radius.constant) and 2 * radius.constant >= size.constant:
            raise ValueError(f"radius: {radius} makes a window of {2 * radius.constant + 1} pixels, more than {name} {size}")

    def keep(b, h, i, j):
        w, r = width.divisor(b, h), radius.at(b, h)
        x, y = i % w, i // w
        if height is not None:
            x, y = minimum(maximum(x, r), w - 1 - r), minimum(maximum(y, r), height.at(b, h) - 1 - r)
        return (magnitude(x - j % w) <= r) & (magnitude(y - j // w) <= r)
    return Mask(keep, call("neighbourhood", width, radius, height=height))


def all_of(*masks):
    """Visible where all of them say so; without any, everywhere."""
    return _fold("all_of", masks, full(), lambda x, y: x & y)


def any_of(*masks):
    """Visible where one of them says so; without any, nowhere."""
    return _fold("any_of", masks, none(), lambda x, y: x | y)


def negate(mask):
    """Visible where `mask` hides."""
    return ~as_mask(mask)


def _fold(name, masks, empty, operation):
    masks = [as_mask(mask, f"{name}: mask {n}") for n, mask in enumerate(masks)]
    result = masks[0] if masks else empty
    for mask in masks[1:]:
        result = operation(result, mask)
    return Mask(result, call(name, *masks))
