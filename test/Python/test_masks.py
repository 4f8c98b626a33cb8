# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every named mask: as numbers and as compiled code it is what its formula says, element by element."""

import numpy as np
import pytest

import fovea
from fovea import masks
from reference import check

B, H, N = 2, 3, 70
ids = np.sort(np.random.default_rng(1).integers(0, 6, N)).astype(np.int32)
scattered = np.random.default_rng(2).integers(0, 4, (B, N))
begins = np.array([np.searchsorted(ids, x) for x in ids])
ends = np.array([np.searchsorted(ids, x, "right") for x in ids])
flags = np.random.default_rng(3).random(N) < 0.1
blocks = np.random.default_rng(4).random((H, 9, 18)) < 0.4
every = np.random.default_rng(5).random((B, H, 9, 9)) < 0.3
parents = np.array([-1, 0, 0, 1, 1, 2, 5, 5, 3, -1, 9])
widths = np.array([3, 9, 30])
lengths = np.array([70, 13])


def is_ancestor(child, ancestor):
    while child > ancestor:
        child = parents[child]
    return child == ancestor


def in_tree(i, j, prefix):
    size = len(parents)
    return j < prefix or (0 <= i - prefix < size and 0 <= j - prefix < size and is_ancestor(i - prefix, j - prefix))


def inside(x, size, radius):
    return min(max(x, radius), size - 1 - radius)


# name: the mask, and its formula on plain integers, written apart from the library.
CASES = {
    "full": (masks.full(), lambda b, h, i, j: True),
    "none": (masks.none(), lambda b, h, i, j: False),
    "causal": (masks.causal(), lambda b, h, i, j: i >= j),
    "causal_bottom_right": (masks.causal(offset=5), lambda b, h, i, j: i + 5 >= j),
    "causal_negative": (masks.causal(offset=-5), lambda b, h, i, j: i - 5 >= j),
    "causal_param": (masks.causal(fovea.param("shift", 7)), lambda b, h, i, j: i + 7 >= j),
    "causal_per_sequence": (masks.causal(np.array([0, -9])), lambda b, h, i, j: i + [0, -9][b] >= j),
    "prefix_lm": (masks.prefix_lm(20), lambda b, h, i, j: i >= j or j < 20),
    "prefix_lm_per_sequence": (masks.prefix_lm([20, 3]), lambda b, h, i, j: i >= j or j < [20, 3][b]),
    "sliding_window": (masks.sliding_window(7), lambda b, h, i, j: 0 <= i - j < 7),
    "sliding_window_param": (masks.sliding_window(fovea.param("w", 7)), lambda b, h, i, j: 0 <= i - j < 7),
    "sliding_window_rank_0": (masks.sliding_window(np.array(7)), lambda b, h, i, j: 0 <= i - j < 7),
    "sliding_window_per_head": (masks.sliding_window(masks.per_head(widths)), lambda b, h, i, j: 0 <= i - j < widths[h]),
    "symmetric_window": (masks.symmetric_window(6), lambda b, h, i, j: abs(i - j) <= 6),
    "window_and_sinks": (masks.window_and_sinks(6, 3), lambda b, h, i, j: j <= i and (j < 3 or i - j < 6)),
    "local_global": (masks.local_global(6, 2), lambda b, h, i, j: abs(i - j) <= 6 or i < 2 or j < 2),
    "local_global_chosen": (masks.local_global(6, flags), lambda b, h, i, j: abs(i - j) <= 6 or flags[i] or flags[j]),
    "dilated": (masks.dilated(4), lambda b, h, i, j: i >= j and (i - j) % 4 == 0),
    "dilated_window": (masks.dilated(fovea.param("gap", 3), 5), lambda b, h, i, j: i - j in range(0, 15, 3)),
    "block_diagonal": (masks.block_diagonal(16), lambda b, h, i, j: i // 16 == j // 16),
    "block_diagonal_param": (masks.block_diagonal(fovea.param("size", 9)), lambda b, h, i, j: i // 9 == j // 9),
    "chunked": (masks.chunked(24), lambda b, h, i, j: i >= j and i // 24 == j // 24),
    "neighbourhood": (masks.neighbourhood(9, 2), lambda b, h, i, j: abs(i % 9 - j % 9) <= 2 and abs(i // 9 - j // 9) <= 2),
    "neighbourhood_param": (masks.neighbourhood(fovea.param("columns", 9), fovea.param("r", 2)),
                            lambda b, h, i, j: abs(i % 9 - j % 9) <= 2 and abs(i // 9 - j // 9) <= 2),
    "neighbourhood_clamped": (masks.neighbourhood(10, 2, height=7), lambda b, h, i, j: (
        abs(inside(i % 10, 10, 2) - j % 10) <= 2 and abs(inside(i // 10, 7, 2) - j // 10) <= 2)),
    "documents": (masks.documents(ids), lambda b, h, i, j: ids[i] == ids[j]),
    "documents_sorted": (masks.documents(ids, sorted=True), lambda b, h, i, j: ids[i] == ids[j]),
    "documents_batched": (masks.documents(scattered), lambda b, h, i, j: scattered[b, i] == scattered[b, j]),
    "documents_two": (masks.documents(ids, ids[::-1].copy()), lambda b, h, i, j: ids[i] == ids[N - 1 - j]),
    "documents_by_start": (masks.documents_by_start(begins), lambda b, h, i, j: begins[i] <= j <= i),
    "documents_by_start_and_end": (masks.documents_by_start(begins, ends), lambda b, h, i, j: begins[i] <= j < ends[i]),
    "padding": (masks.padding(lengths), lambda b, h, i, j: j < lengths[b]),
    "padding_one": (masks.padding(50), lambda b, h, i, j: j < 50),
    "left_padding": (masks.left_padding([0, 60]), lambda b, h, i, j: j >= [0, 60][b]),
    "block_sparse": (masks.block_sparse(blocks, (8, 4)), lambda b, h, i, j: blocks[h, i // 8, j // 4]),
    "block_sparse_one": (masks.block_sparse(every[0, 0], 8), lambda b, h, i, j: every[0, 0, i // 8, j // 8]),
    "block_sparse_all": (masks.block_sparse(every, fovea.param("edge", 8)), lambda b, h, i, j: every[b, h, i // 8, j // 8]),
    "tree": (masks.tree(masks.tree_ancestors(parents), 30), lambda b, h, i, j: in_tree(i, j, 30)),
    "tree_per_sequence": (masks.tree(masks.tree_ancestors(parents), [30, 4]), lambda b, h, i, j: in_tree(i, j, [30, 4][b])),
    "tree_bits": (masks.tree_bits(masks.tree_words(parents), fovea.param("past", 30)), lambda b, h, i, j: in_tree(i, j, 30)),
}
near, packed, cut = masks.symmetric_window(9), masks.documents(ids), masks.causal()
CASES |= {
    "and": (cut & masks.sliding_window(12), lambda b, h, i, j: 0 <= i - j < 12),
    "or_not": (packed & cut | ~near, lambda b, h, i, j: (ids[i] == ids[j] and i >= j) or abs(i - j) > 9),
    "xor": (near ^ cut, lambda b, h, i, j: (abs(i - j) <= 9) != (i >= j)),
    "all_of": (masks.all_of(cut, near, packed), lambda b, h, i, j: 0 <= i - j <= 9 and ids[i] == ids[j]),
    "all_of_none": (masks.all_of(), lambda b, h, i, j: True),
    "any_of": (masks.any_of(cut, near), lambda b, h, i, j: i - j >= -9),
    "any_of_none": (masks.any_of(), lambda b, h, i, j: False),
    "negate": (masks.negate(packed), lambda b, h, i, j: ids[i] != ids[j]),
    "not_full": (~masks.full() | cut, lambda b, h, i, j: i >= j),
    "with_a_function": ((lambda b, h, i, j: ids[j] > 2) & cut, lambda b, h, i, j: ids[j] > 2 and i >= j),
    "inside_a_function": (lambda b, h, i, j: cut(b, h, i, j) & (j % 2 == 0), lambda b, h, i, j: i >= j and j % 2 == 0),
    "not_a_function": (masks.negate(lambda b, h, i, j: (i + j) % 2), lambda b, h, i, j: (i + j) % 2 == 0),
}


def by_hand(formula):
    return np.array([[[[bool(formula(b, h, i, j)) for j in range(N)] for i in range(N)] for h in range(H)] for b in range(B)])


@pytest.mark.parametrize("name", CASES)
def test_a_mask_is_its_formula(make, name):
    mask, formula = CASES[name]
    expected = by_hand(formula)
    if isinstance(mask, masks.Mask):
        np.testing.assert_array_equal(mask.dense(B, H, N, N), expected)
    q, k, v = make(B, H, N, N, 16)
    out, lse = fovea.attention(q, k, v, mask_mod=mask, return_lse=True)
    check(out, lse, q, k, v, mask_mod=lambda b, h, i, j: expected)


def test_the_last_queries_see_what_they_saw_before(make):
    """With q_offset the positions are absolute: rows of a call are rows of the whole mask."""
    q, k, v = make(B, H, 11, N, 16)
    for name in ("sliding_window", "documents", "chunked", "padding", "block_sparse", "local_global_chosen"):
        mask = CASES[name][0]
        whole = mask.dense(B, H, N, N)
        np.testing.assert_array_equal(mask.dense(B, H, 11, N, q_offset=N - 11), whole[:, :, -11:])
        check(fovea.attention(q, k, v, mask_mod=mask, q_offset=N - 11), None, q, k, v, mask_mod=lambda b, h, i, j: whole[:, :, -11:])


def random_reference(seed, block, draw, count):
    """The hash of random_blocks, again, with Python's integers."""
    def scramble(x):
        for a in (37769685, 26757677, 20501397):
            x = (x * a + 1640531527) % 2**31
            x = (x + (x // 256) ** 2) % 2**31
        return x
    return scramble((scramble((seed + draw * 65537) % 2**31) + block) % 2**31) * count // 2**31


def test_bigbird(make):
    q, k, v = make(1, 1, 90, 90, 16)
    draws = lambda i, j: any(j // 8 == random_reference(3, i // 8, n, 12) for n in range(2))
    expected = np.array([[abs(i // 8 - j // 8) <= 1 or i < 8 or j < 8 or draws(i, j) for j in range(90)] for i in range(90)])
    for keys in (90, fovea.param("keys", 90)):
        mask = masks.bigbird(8, 2, keys, seed=3)
        np.testing.assert_array_equal(mask.dense(1, 1, 90, 90)[0, 0], expected)
        check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=lambda b, h, i, j: expected)
    random = np.array([[draws(i, j) for j in range(90)] for i in range(90)])
    np.testing.assert_array_equal(masks.random_blocks(8, 2, 90, seed=3).dense(1, 1, 90, 90)[0, 0], random)


def test_random_blocks_are_spread_evenly():
    """Chi-squared over 4096 draws of 64 blocks has mean 63 and deviation 11; neighbours and seeds draw independently."""
    from fovea.random_blocks import drawn_block
    rows = np.arange(4096)
    drawn = {(seed, n): drawn_block(seed, rows, n, 64) for seed in (0, 1, 77) for n in (0, 1, 2)}
    for one in drawn.values():
        assert one.min() >= 0 and one.max() < 64
        counts = np.bincount(one, minlength=64)
        assert np.sum((counts - 64) ** 2 / 64) < 63 + 5 * 11
        steps = np.bincount(np.diff(one) % 64, minlength=64)
        assert np.sum((steps - 64) ** 2 / 64) < 63 + 5 * 11
    pairs = list(drawn.values())
    for n, one in enumerate(pairs):
        for other in pairs[:n]:
            assert abs(np.mean(one == other) - 1 / 64) < 5 * np.sqrt(1 / 64 / 4096)


def test_random_blocks_are_skipped(make):
    """Rows of one block of queries draw one set of key blocks, which the compiler finds from the hash's code."""
    q, k, v = make(1, 1, 4096, 4096, 16)
    kernel = fovea.compile(like=(q, k, v), mask_mod=masks.random_blocks(1024, 1, 4096, seed=5))
    stats = kernel.plan(q, k, v).stats
    assert 0 < stats.visited < 0.4 * stats.blocks  # a quarter, and query tiles that cross a border see two


def test_run_time_values_do_not_compile_again(make, fresh_cache):
    q, k, v = make(2, 3, N, N, 16)
    for window, content in ((5, ids), (9, ids[::-1].copy())):
        mask = masks.sliding_window(fovea.param("w", window)) & masks.documents(content)
        expected = lambda b, h, i, j: (0 <= i - j) & (i - j < window) & (content[i] == content[j])
        check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=expected)
    mask = masks.sliding_window(fovea.param("w", int)) & masks.documents(ids)
    fovea.attention(q, k, v, mask_mod=mask, params={"w": 3})
    assert fovea.cache_info().kernels == 1


def test_values_by_name(make):
    q, k, v = make(2, 3, N, N, 16)
    mask = masks.sliding_window(fovea.param("w", int)) & masks.documents(fovea.param("doc", ids))
    kernel = fovea.compile(like=(q, k, v), mask_mod=mask)
    other = scattered[0].astype(np.int32)
    for window in (2, 40):
        expected = mask.dense(2, 3, N, N, params={"w": window, "doc": other})
        check(kernel(q, k, v, params={"w": window, "doc": other}), None, q, k, v, mask_mod=lambda b, h, i, j: expected)
    with pytest.raises(ValueError, match='w: no value; pass params={"w": ...}'):
        mask.dense(2, 3, N, N)


def test_masks_tell_what_they_are():
    mask = (masks.causal() & masks.sliding_window(fovea.param("w", int))) | ~masks.documents(ids, sorted=True)
    assert repr(mask) == "(causal() & sliding_window(param('w'))) | ~documents(int32[70], sorted=True)"
    assert repr(~(near | cut)) == "~(symmetric_window(9) | causal())"
    assert repr(masks.causal(3)) == "causal(3)"
    assert repr(masks.any_of(cut, near)) == "any_of(causal(), symmetric_window(9))"
    assert repr(masks.sliding_window(masks.per_head(widths))) == "sliding_window(per_head(int64[3]))"
    assert repr(masks.padding([3, 4])) == "padding(per_sequence([3, 4]))"
    assert repr(masks.neighbourhood(9, 2, height=5)) == "neighbourhood(9, 2, height=5)"
    for name in masks.__all__:
        assert getattr(masks, name).__doc__, name
