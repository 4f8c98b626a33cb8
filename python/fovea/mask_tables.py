# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Masks that read arrays: documents, padding, blocks chosen by a table, trees. Public in masks.py.

The arrays are read when a plan is made: other content does not compile again. Elements outside an array read as 0 or false.
"""

import numpy as np

from .functions import maximum, minimum
from .named import Mask, call
from .quantities import Number, Table, per_sequence, rank_of
from .rules import AtMostKeys, AxisIs, Covers, IsSorted


def documents(ids, kv_ids=None, *, sorted=False):  # noqa: A002 - the word of the claim
    """ids[i] == ids[j]: a position sees its own document. ids: integers [N], or [B, N]; kv_ids: the keys' own ids, by default
    the same array.

    sorted=True is the claim that ids never decrease along N; it is checked whenever a plan is made.
    Source: Krell et al., Efficient Sequence Packing without Cross-contamination, 2021.
    """
    own = kv_ids is None
    queries = _along("ids", ids, "integers", queries=True, keys=own, sorted=sorted)
    keys = queries if own else _along("kv_ids", kv_ids, "integers", queries=False, keys=True, sorted=sorted)
    options = {"kv_ids": None if own else keys, "sorted": True if sorted else None}
    return Mask(lambda b, h, i, j: _at(queries, b, i) == _at(keys, b, j), call("documents", queries, **options))


def documents_by_start(start, end=None):
    """start[i] <= j <= i, or start[i] <= j < end[i] when ends are given: the document of i begins at start[i] and ends before
    end[i]. Arrays of integers [N], or [B, N]. Without ends it is the causal form, which needs one array and no comparison of ids.

    Source: Krell et al., Efficient Sequence Packing without Cross-contamination, 2021.
    """
    start = _along("start", start, "integers", queries=True, keys=False)
    if end is None:
        return Mask(lambda b, h, i, j: (j >= _at(start, b, i)) & (j <= i), call("documents_by_start", start))
    end = _along("end", end, "integers", queries=True, keys=False)
    return Mask(lambda b, h, i, j: (j >= _at(start, b, i)) & (j < _at(end, b, i)), call("documents_by_start", start, end))


def padding(lengths):
    """j < lengths[b]: the first keys of each sequence exist. lengths: integers [B] from 0 to Nk, or one number.

    Source: Vaswani et al., Attention Is All You Need, 2017 (batches of sentences).
    """
    lengths = Number("lengths", lengths, least=0, plain_axis=per_sequence, rules=(AtMostKeys("lengths"),))
    return Mask(lambda b, h, i, j: j < lengths.at(b, h), call("padding", lengths))


def left_padding(starts):
    """j >= starts[b]: each sequence ends with the last key. starts: integers [B] from 0 to Nk, or one number.

    Source: as `padding`; the side is that of batched decoding.
    """
    starts = Number("starts", starts, least=0, plain_axis=per_sequence, rules=(AtMostKeys("starts"),))
    return Mask(lambda b, h, i, j: j >= starts.at(b, h), call("left_padding", starts))


def block_sparse(table, block):
    """table[i // block, j // block]. table: booleans [R, C], [Hq, R, C] or [B, Hq, R, C]; block: a number, or one for the rows
    and one for the keys.

    Source: Child et al., Generating Long Sequences with Sparse Transformers, 2019.
    """
    pair = block if isinstance(block, (list, tuple)) else (block, block)
    if len(pair) != 2:
        raise ValueError(f"block: expected a number, or one for rows and one for keys, got {block!r}")
    rows, keys = (Number("block", size, least=1) for size in pair)
    table = _blocks(table, rows, keys)

    def keep(b, h, i, j):
        at = (b, h)[4 - len(table.shape):] if len(table.shape) > 2 else ()
        return table[(*at, i // rows.divisor(b, h), j // keys.divisor(b, h))]
    return Mask(keep, call("block_sparse", table, block))


def tree(ancestors, prefix=0):
    """j < prefix, or ancestors[i - prefix, j - prefix]: tokens of a speculative tree behind a prefix that all of them see.

    ancestors: booleans [T, T] or [B, T, T], true where the second is the first itself or one of its ancestors; see
    `tree_ancestors`. prefix: a number, or integers [B]. Queries are at positions prefix to prefix + T - 1.
    Source: Miao et al., SpecInfer: Accelerating Generative Large Language Model Serving with Tree-based Speculative Inference and
    Verification, 2024.
    """
    prefix = Number("prefix", prefix, least=0, plain_axis=per_sequence)
    table = Table("ancestors", ancestors, "booleans", [2, 3], "booleans [T, T] or [B, T, T]",
                  rules=_batch("ancestors", ancestors, 3))
    if table.shape[-1] != table.shape[-2]:
        raise ValueError(f"ancestors: expected as many rows as columns, got shape {table.shape}")

    def keep(b, h, i, j):
        first = prefix.at(b, h)
        at = (b,) if len(table.shape) == 3 else ()
        return (j < first) | table[(*at, i - first, j - first)]
    return Mask(keep, call("tree", table, prefix))


def tree_bits(words, prefix=0):
    """j < prefix, or bit j - prefix of words[i - prefix]: `tree` for at most 63 tokens, one integer per token.

    words: integers [T] or [B, T]; see `tree_words`.
    Source: as `tree`.
    """
    prefix = Number("prefix", prefix, least=0, plain_axis=per_sequence)
    words = Table("words", words, "integers", [1, 2], "integers [T] or [B, T]", rules=_batch("words", words, 2))

    def keep(b, h, i, j):
        first = prefix.at(b, h)
        bit = j - first
        at = (b,) if len(words.shape) == 2 else ()
        word = words[(*at, i - first)]
        # Where the bit does not exist the shift has no meaning, and is not asked.
        inside = (bit >= 0) & (bit < 63)
        return (bit < 0) | (inside & ((word >> minimum(maximum(bit, 0), 62)) % 2 == 1))
    return Mask(keep, call("tree_bits", words, prefix))


def tree_ancestors(parents):
    """Booleans [T, T] for `tree`, from the parent of each token; a root has -1, and parents come before their children."""
    parents = _parents(parents)
    table = np.eye(len(parents), dtype=bool)
    for token, parent in enumerate(parents):
        if parent >= 0:
            table[token] |= table[parent]
    return table


def tree_words(parents):
    """int64 [T] for `tree_bits`, from the parent of each token; a root has -1, and parents come before their children."""
    table = tree_ancestors(parents)
    if len(table) > 63:
        raise ValueError(f"parents: {len(table)} tokens do not fit the 63 bits of a word; use masks.tree(tree_ancestors(parents))")
    return (table.astype(np.int64) << np.arange(len(table))).sum(axis=1)


def _parents(parents):
    parents = np.asarray(parents)
    if parents.ndim != 1 or parents.size and parents.dtype.kind not in "iu":
        raise TypeError(f"parents: expected integers [T], got {parents.dtype} {parents.shape}")
    wrong = np.flatnonzero((parents < -1) | (parents >= np.arange(len(parents))))
    if wrong.size:
        raise ValueError(f"parents: token {wrong[0]} has parent {parents[wrong[0]]}; a parent is an earlier token, or -1 for a root")
    return parents


def _along(argument, array, kind, queries, keys, sorted=False):  # noqa: A002
    """An array [N] or [B, N] with an element per position."""
    rank = max(rank_of(array), 1)
    rules = (*_batch(argument, array, 2), Covers(argument, rank - 1, queries, keys), *([IsSorted(argument)] if sorted else []))
    return Table(argument, array, kind, [1, 2], f"{kind} [N] or [B, N], one per position", rules=rules,
                 claims=("attn.sorted",) if sorted else ())


def _at(table, b, position):
    return table[(b, position) if len(table.shape) == 2 else position]


def _blocks(array, rows, keys):
    rank = max(rank_of(array), 2)
    rules = [AxisIs("table", 0, {3: "Hq", 4: "B"}[rank])] if rank in (3, 4) else []
    rules += [AxisIs("table", 1, "Hq")] if rank == 4 else []
    for axis, size, queries in ((rank - 2, rows, True), (rank - 1, keys, False)):
        if size.constant is not None:
            rules.append(Covers("table", axis, queries, not queries, size.constant))
    return Table("table", array, "booleans", [2, 3, 4], "booleans [R, C], [Hq, R, C] or [B, Hq, R, C]", rules=tuple(rules))


def _batch(argument, array, rank):
    """The rule of a leading batch axis, when the array has one."""
    return (AxisIs(argument, 0, "B"),) if rank_of(array) == rank else ()
