# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What named masks and scores refuse: when they are made, or when the sizes of a call are known."""

import numpy as np
import pytest

import fovea
from fovea import masks, scores


def floats(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize("make_it, error, message", [
    (lambda: masks.sliding_window(0), ValueError, "window: expected at least 1, got 0"),
    (lambda: masks.sliding_window(-3), ValueError, "window: expected at least 1, got -3"),
    (lambda: masks.sliding_window(2.5), TypeError, "window: expected an integer, fovea.param.*got 2.5"),
    (lambda: masks.sliding_window(True), TypeError, "window: expected an integer"),
    (lambda: masks.sliding_window(np.array([3, 4])), TypeError, r"window: expected .*masks.per_head\(array \[Hq\]\)"),
    (lambda: masks.sliding_window(np.array(0.5)), TypeError, "window: expected an integer"),
    (lambda: masks.sliding_window(fovea.param("w", 0)), ValueError, "window: expected at least 1, got 0"),
    (lambda: masks.sliding_window(fovea.param("w", 1.5)), TypeError, r"window: expected an integer, got param\('w'\)"),
    (lambda: masks.sliding_window(fovea.param("w", float)), TypeError, "window: expected an integer"),
    (lambda: masks.sliding_window(masks.per_head(floats(3))), TypeError, "window: expected integers, got float32; convert"),
    (lambda: masks.causal("top-left"), TypeError, "offset: expected an integer"),
    (lambda: masks.symmetric_window(-1), ValueError, "radius: expected at least 0, got -1"),
    (lambda: masks.window_and_sinks(4, -1), ValueError, "sinks: expected at least 0"),
    (lambda: masks.prefix_lm(-1), ValueError, "prefix: expected at least 0"),
    (lambda: masks.prefix_lm([1.0, 2.0]), TypeError, "prefix: expected integers, got float64"),
    (lambda: masks.local_global(3, np.zeros(4, int)), TypeError, "global_tokens: expected booleans, got int64"),
    (lambda: masks.dilated(0), ValueError, "dilation: expected at least 1"),
    (lambda: masks.dilated(2, 0), ValueError, "window: expected at least 1"),
    (lambda: masks.block_diagonal(0), ValueError, "size: expected at least 1, got 0"),
    (lambda: masks.chunked(-8), ValueError, "size: expected at least 1, got -8"),
    (lambda: masks.neighbourhood(0, 1), ValueError, "width: expected at least 1"),
    (lambda: masks.neighbourhood(4, 2, height=9), ValueError, "radius: 2 makes a window of 5 pixels, more than width 4"),
    (lambda: masks.bigbird(0, 1, 64), ValueError, "block: expected at least 1"),
    (lambda: masks.bigbird(8, fovea.param("r", 2), 64), TypeError, "draws: expected a constant integer"),
    (lambda: masks.bigbird(8, -1, 64), ValueError, "draws: expected 0 to 64"),
    (lambda: masks.documents(3), TypeError, "ids: expected an array, got 3"),
    (lambda: masks.documents(floats(4)), TypeError, "ids: expected integers, got float32; convert with .astype.numpy.int32"),
    (lambda: masks.documents(np.zeros((1, 2, 3), int)), ValueError, r"ids: expected integers \[N\] or \[B, N\], one per position"),
    (lambda: masks.documents(fovea.param("ids", 3)), TypeError, r"ids: expected an array, got param\('ids'\)"),
    (lambda: masks.padding([3, -1]), ValueError, None),
    (lambda: masks.padding(-1), ValueError, "lengths: expected at least 0"),
    (lambda: masks.padding(np.zeros(2)), TypeError, "lengths: expected integers, got float64"),
    (lambda: masks.block_sparse(np.zeros((2, 2)), 8), TypeError, "table: expected booleans, got float64; convert with .astype.bool"),
    (lambda: masks.block_sparse(np.zeros(4, bool), 8), ValueError, r"table: expected booleans \[R, C\], \[Hq, R, C\]"),
    (lambda: masks.block_sparse(np.zeros((2, 2), bool), (8, 8, 8)), ValueError, "block: expected a number, or one for rows and one"),
    (lambda: masks.block_sparse(np.zeros((2, 2), bool), 0), ValueError, "block: expected at least 1"),
    (lambda: masks.tree(np.zeros((3, 4), bool)), ValueError, "ancestors: expected as many rows as columns"),
    (lambda: masks.tree(np.zeros((3, 3), int)), TypeError, "ancestors: expected booleans"),
    (lambda: masks.tree_ancestors([0, 1]), ValueError, "parents: token 0 has parent 0; a parent is an earlier token"),
    (lambda: masks.tree_ancestors([-1.0]), TypeError, "parents: expected integers"),
    (lambda: masks.tree_words(np.arange(64) - 1), ValueError, "64 tokens do not fit the 63 bits"),
    (lambda: masks.all_of(masks.causal(), 3), TypeError, "all_of: mask 1: expected a mask or a function"),
    (lambda: masks.causal() & 3, TypeError, "unsupported operand"),
    (lambda: scores.softcap(0), ValueError, "cap: expected a positive number, got 0"),
    (lambda: scores.softcap("x"), TypeError, "cap: expected a number"),
    (lambda: scores.temperature(float("inf")), ValueError, "value: expected a positive number"),
    (lambda: scores.alibi(floats(2, 2)), ValueError, r"slopes: expected one slope per query head, \[Hq\]"),
    (lambda: scores.alibi([1, 2]), TypeError, "slopes: expected floats, got int64; convert with .astype.numpy.float32"),
    (lambda: scores.alibi_slopes(0), ValueError, "heads: expected at least 1"),
    (lambda: scores.alibi_slopes(2.0), TypeError, "heads: expected an integer"),
    (lambda: scores.log_n(1), ValueError, "train_length: expected at least 2"),
    (lambda: scores.t5_bias(floats(5, 2)), ValueError, "expected an even number of at least 4 buckets, got 5"),
    (lambda: scores.t5_bias(floats(8, 2), max_distance=2), ValueError, "max_distance: expected at least 3"),
    (lambda: scores.relative_bias(floats(2, 8)), ValueError, "expected 2N - 1 distances.*an odd number, got 8"),
    (lambda: scores.relative_bias_2d(floats(8, 2), 2, 2), ValueError, "= 9 rows, got shape"),
    (lambda: scores.relative_bias_2d(floats(9, 2), 2, fovea.param("w", 2)), TypeError, "width: expected a constant integer"),
    (lambda: scores.dense_bias(np.zeros((3, 3), bool)), TypeError, "bias: expected floats, got bool"),
    (lambda: scores.dense_bias(floats(3)), ValueError, r"bias: expected floats \[Nq, Nk\]"),
    (lambda: scores.chain(scores.softcap(2), 3), TypeError, "chain: score 1: expected a score"),
    (lambda: scores.softcap(2) >> 3, TypeError, "unsupported operand"),
])
def test_bad_arguments(make_it, error, message):
    if message is None:  # known only when a plan is made, because the array may change until then
        mask = make_it()
        with pytest.raises(error, match="lengths: expected at least 0, got -1"):
            fovea.attention(floats(2, 1, 4, 8), floats(2, 1, 4, 8), floats(2, 1, 4, 8), mask_mod=mask)
        return
    with pytest.raises(error, match=message):
        make_it()


Q, K = floats(2, 3, 20, 8), floats(2, 3, 40, 8)


@pytest.mark.parametrize("mask, options, message", [
    (masks.padding([41, 3]), {}, r"lengths: lengths must lie in \[0, 40\], the number of keys, got 41"),
    (masks.padding([4]), {}, r"lengths: expected size 2 on axis 0, one per sequence, got shape \(1,\)"),
    (masks.left_padding([0, 50]), {}, "starts: lengths must lie in"),
    (masks.sliding_window(masks.per_head(np.array([1, 2]))), {}, "window: expected size 3 on axis 0, one per query head"),
    (masks.sliding_window(masks.per_head(np.array([1, 0, 2]))), {}, "window: expected at least 1, got 0"),
    (masks.sliding_window(fovea.param("w", int)), {"params": {"w": 0}}, "window: expected at least 1, got 0"),
    (masks.documents(np.zeros(39, int)), {}, "ids: the queries and keys need 40 elements on axis 0 .40 positions., got shape"),
    (masks.documents(np.zeros(40, int)), {"q_offset": 30}, "ids: the queries and keys need 50 elements"),
    (masks.documents(np.zeros(40, int)), {"q_offset": -1}, "q_offset -1 puts queries before position 0"),
    (masks.documents(np.zeros((3, 40), int)), {}, "ids: expected size 2 on axis 0, one per sequence"),
    (masks.documents(np.zeros(20, int), np.zeros(30, int)), {}, "kv_ids: the keys need 40 elements"),
    (masks.documents(np.arange(40)[::-1].copy(), sorted=True), {}, "ids: sorted=True, but an element is smaller"),
    (masks.documents_by_start(np.zeros(10, int)), {}, "start: the queries need 20 elements"),
    (masks.block_sparse(np.ones((2, 5), bool), 8), {}, r"table: the queries need 3 elements on axis 0 \(20 positions\)"),
    (masks.block_sparse(np.ones((3, 4), bool), 8), {}, "table: the keys need 5 elements on axis 1"),
    (masks.block_sparse(np.ones((2, 5, 5), bool), 8), {}, "table: expected size 3 on axis 0, one per query head"),
    (masks.block_sparse(np.ones((2, 2, 5, 5), bool), 8), {}, "table: expected size 3 on axis 1, one per query head"),
    (masks.tree(np.ones((3, 4, 4), bool)), {}, "ancestors: expected size 2 on axis 0"),
])
def test_masks_that_do_not_fit_the_call(mask, options, message):
    with pytest.raises(ValueError, match=message):
        fovea.attention(Q, K, K, mask_mod=mask, **options)


@pytest.mark.parametrize("score, options, message", [
    (scores.alibi(floats(2)), {}, "slopes: expected size 3 on axis 0, one per query head"),
    (scores.softcap(fovea.param("cap", 0.0)), {}, "cap: expected positive numbers, got 0.0"),
    (scores.temperature(scores.per_head(floats(3))), {}, "value: expected positive numbers"),
    (scores.dense_bias(floats(20, 39)), {}, "bias: the keys need 40 elements"),
    (scores.dense_bias(floats(19, 40)), {}, "bias: the queries need 20 elements"),
    (scores.dense_bias(floats(20, 40)), {"q_offset": 5}, "bias: the queries need 25 elements"),
    (scores.dense_bias(floats(2, 2, 20, 40)), {}, "bias: expected size 3 on axis 1"),
    (scores.relative_bias(floats(2, 9)), {}, "table: expected size 3 on axis 0"),
    (scores.t5_bias(floats(8, 2)), {}, "table: expected size 3 on axis 1"),
    (scores.t5_bias(fovea.param("t5", floats(8, 3))), {"params": {"t5": floats(6, 3)}}, "table: expected size 8 on axis 0, as when"),
])
def test_scores_that_do_not_fit_the_call(score, options, message):
    with pytest.raises(ValueError, match=message):
        fovea.attention(Q, K, K, score_mod=score, **options)
