# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels, plans and caches: what compiles again, what is planned again, and that threads do not matter."""

import threading
import time

import numpy as np
import pytest

import fovea
from reference import check


def causal(b, h, q, k):
    return q >= k


def test_run_time_values_do_not_compile_again(make, fresh_cache):
    q, k, v = make()
    for window in (3, 9, 30):
        check(fovea.attention(q, k, v, window=window), None, q, k, v, mask_mod=lambda b, h, i, j: i - j < window)
    assert fovea.cache_info() == (1, 2, 1)
    for near in (3, 9):
        mask = lambda b, h, i, j: i - j > fovea.param("near", near)
        check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=lambda b, h, i, j: i - j > near)
    for content in (np.arange(37) // 9, np.arange(37) % 3):
        mask = lambda b, h, i, j: content[i] == content[j]
        check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=mask)
    for weight in (0.5, -2.0):
        score = lambda s, b, h, i, j: s * fovea.param("weight", weight)
        check(fovea.attention(q, k, v, score_mod=score), None, q, k, v, score_mod=lambda s, b, h, i, j: s * weight)
    assert fovea.cache_info().kernels == 4
    for shape in ((1, 3, 5, 8, 32), (4, 3, 70, 90, 32)):
        fovea.attention(*make(*shape), window=4)
    assert fovea.cache_info().kernels == 4


def test_constants_and_static_sizes_compile_again(make, fresh_cache):
    for window in (3, 4):
        fovea.attention(*make(), mask_mod=lambda b, h, i, j: i - j < window)
    fovea.attention(*make(Hq=4), mask_mod=lambda b, h, i, j: i - j < 4)
    assert fovea.cache_info().kernels == 3


def test_changed_mask_content_is_seen(make):
    """The plan depends on the content of what the mask reads, in place changes included."""
    q, k, v = make(Nq=300, Nk=300)
    doc = np.zeros(300, np.int64)
    mask = lambda b, h, i, j: doc[i] == doc[j]
    fovea.attention(q, k, v, mask_mod=mask)
    doc[150:] = 1
    check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=mask)
    lengths = np.array([300, 300])
    fovea.attention(q, k, v, kv_len=lengths)
    lengths[0] = 3
    check(fovea.attention(q, k, v, kv_len=lengths), None, q, k, v, mask_mod=lambda b, h, i, j: j < lengths[b])


def test_a_large_mask_is_planned_in_each_call(make):
    dense = np.ones((1200, 1200), bool)
    q, k, v = make(1, 1, 1200, 1200)
    mask = lambda b, h, i, j: dense[i, j]
    fovea.attention(q, k, v, mask_mod=mask)
    dense[:, 5:] = False
    check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=mask)


def test_score_tensors_are_read_by_each_run(make):
    q, k, v = make()
    bias = np.zeros((37, 37), np.float32)
    score = lambda s, b, h, i, j: s + bias[i, j]
    fovea.attention(q, k, v, score_mod=score)
    bias[:] = np.random.default_rng(1).standard_normal(bias.shape)
    check(fovea.attention(q, k, v, score_mod=score), None, q, k, v, score_mod=score)


def test_kernel_and_plan(make):
    q, k, v = make(Nq=700, Nk=700)  # several key blocks, so that the mask can hide whole ones
    kernel = fovea.compile(like=(q, k, v), is_causal=True, window=int, kv_len=int, return_lse=True)
    assert "attn.attention" in kernel.mlir and kernel.target == "host"
    assert kernel.compile_times["total"] > 0
    assert list(kernel.compile_times)[-1] == "total"
    plan = kernel.plan(q.shape, k.shape, v.shape, window=16, kv_len=[700, 40])
    assert 0 < plan.stats.visited < plan.stats.blocks
    assert plan.stats.skipped == plan.stats.blocks - plan.stats.visited and plan.stats.tasks > 0
    keep = lambda b, h, i, j: (i >= j) & (i - j < 16) & (j < np.array([700, 40])[b])
    for layer in range(3):
        out, lse = plan.run(q, k, v)
        check(out, lse, q, k, v, mask_mod=keep)
        q = q + 1
    check(*kernel(q, k, v, window=16, kv_len=[700, 40]), q, k, v, mask_mod=keep)
    with pytest.raises(ValueError, match="window: no value; pass window="):
        kernel.plan(q, k, v, kv_len=[1, 2])
    with pytest.raises(ValueError, match="compiled without it; pass q_offset=int"):
        kernel.plan(q, k, v, window=1, kv_len=[1, 2], q_offset=3)
    with pytest.raises(ValueError, match="is_causal with 100 queries and 700 keys"):
        kernel.plan(q[:, :, :100], k, v, window=1, kv_len=[1, 2])


def test_a_plan_refuses_other_shapes(make):
    kernel = fovea.compile(like=make())
    plan = kernel.plan(*make())
    with pytest.raises(fovea.InvalidError, match="37"):
        plan.run(*make(Nq=37, Nk=38))
    with pytest.raises(fovea.InvalidError):
        kernel.plan(*make(Hq=5))
    with pytest.raises(fovea.InvalidError):
        kernel.plan(*make(Dk=16))


def test_static_sizes_are_kept(make):
    kernel = fovea.compile(like=make(), dynamic=("B",))
    assert "tensor<?x3x37x32xf32>" in kernel.mlir
    with pytest.raises(fovea.InvalidError):
        kernel(*make(Nq=40, Nk=40))


def test_compile_takes_a_function(make):
    q, k, v = make()
    near = fovea.param("near", 4)
    kernel = fovea.compile(lambda q, k, v: fovea.attention(q, k, v, mask_mod=lambda b, h, i, j: abs(i - j) < near), like=(q, k, v))
    check(kernel(q, k, v), None, q, k, v, mask_mod=lambda b, h, i, j: abs(i - j) < 4)
    check(kernel(q, k, v, params={"near": 9}), None, q, k, v, mask_mod=lambda b, h, i, j: abs(i - j) < 9)


def test_captured_arrays_can_be_replaced_by_name(make):
    q, k, v = make()
    doc = np.arange(37) // 10
    kernel = fovea.compile(like=(q, k, v), mask_mod=lambda b, h, i, j: doc[i] == doc[j])
    other = np.arange(37) // 5
    check(kernel(q, k, v, params={"doc": other}), None, q, k, v, mask_mod=lambda b, h, i, j: other[i] == other[j])


def test_a_plan_owns_what_the_mask_reads(make):
    q, k, v = make()
    doc = np.arange(37) // 10
    plan = fovea.compile(like=(q, k, v), mask_mod=lambda b, h, i, j: doc[i] == doc[j]).plan(q, k, v)
    before = plan.run(q, k, v)
    doc[:] = 0
    np.testing.assert_array_equal(plan.run(q, k, v), before)


def test_negative_offset_needs_its_own_kernel(make):
    kernel = fovea.compile(like=make(), mask_mod=lambda b, h, i, j: i % 4 == j % 4, q_offset=int)
    with pytest.raises(ValueError, match="compiled for offsets >= 0, got -1"):
        kernel.plan(*make(), q_offset=-1)


def test_threads_do_not_change_a_bit(make):
    q, k, v = make(2, 4, 333, 333, 64)
    first = fovea.attention(q, k, v, is_causal=True, threads=1, return_lse=True)
    for threads in (2, 3, 4, 7, None):
        again = fovea.attention(q, k, v, is_causal=True, threads=threads, return_lse=True)
        for a, b in zip(first, again):
            np.testing.assert_array_equal(a, b)


def test_a_batch_is_its_members(make):
    q, k, v = make(3, 2, 150, 150, 32)
    whole = fovea.attention(q, k, v, is_causal=True)
    for b in range(3):
        np.testing.assert_array_equal(fovea.attention(q[b:b + 1], k[b:b + 1], v[b:b + 1], is_causal=True)[0], whole[b])


def test_concurrent_calls(make, fresh_cache):
    q, k, v = make(1, 2, 200, 200, 32)
    results, errors = [None] * 8, []

    def call(n):
        try:
            for _ in range(5):
                results[n] = fovea.attention(q, k, v, is_causal=True, threads=2)
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)
    workers = [threading.Thread(target=call, args=(n,)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors and fovea.cache_info().kernels == 1
    for result in results:
        np.testing.assert_array_equal(result, results[0])


def test_other_python_threads_go_on(make):
    """The lock is released while a kernel runs."""
    arrays = make(1, 8, 3000, 3000, 64)
    fovea.attention(*arrays, is_causal=True, threads=1)
    worker = threading.Thread(target=lambda: fovea.attention(*arrays, is_causal=True, threads=1))
    worker.start()
    turns = 0
    while worker.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 5


def test_one_plan_from_many_threads(make):
    arrays = make(2, 2, 300, 300, 64)
    plan = fovea.compile(like=arrays, is_causal=True).plan(*arrays, threads=2)
    expected, same = plan.run(*arrays), []
    workers = [threading.Thread(target=lambda: same.extend(np.array_equal(plan.run(*arrays), expected) for _ in range(10)))
               for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(same) == 60 and all(same)


def test_targets(make):
    q, k, v = make(1, 2, 40, 40, 32)
    check(fovea.attention(q, k, v, is_causal=True, target="loops"), None, q, k, v, mask_mod=causal)
    with pytest.raises(fovea.Error, match="nowhere") as caught:
        fovea.attention(q, k, v, target="nowhere")
    assert caught.value.status in ("INVALID", "UNSUPPORTED")
