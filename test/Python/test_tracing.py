# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Traced functions mean what Python means; the region text is run on numbers."""

import functools

import numpy as np
import pytest

import fovea
from region import body, evaluate, trace

POSITIONS = [(0, 0, 0, 0), (1, 2, 3, 17), (1, 3, 32, 5), (0, 1, 7, 8)]

doc = np.repeat([3, 1, 2], 11)
table = np.arange(4 * 70, dtype=np.float64).reshape(4, 70) / 7


def helper(q):
    return doc[q]


MASKS = {
    "causal": lambda b, h, q, k: q >= k,
    "window": lambda b, h, q, k: (q >= k) & (q - k < 5),
    "or_not": lambda b, h, q, k: ~(q == k) | (h != 2),
    "floor_division": lambda b, h, q, k: (q - k) // 4 == -1,
    "modulo_negative": lambda b, h, q, k: (q - k) % 5 == 3,
    "modulo_negative_divisor": lambda b, h, q, k: (q - k) % -5 == -2,
    "modulo_positive": lambda b, h, q, k: (q // 2 + k * 3) % 5 == 3,
    "reflected": lambda b, h, q, k: (40 - q) % 7 < 3 + k,
    "shifts": lambda b, h, q, k: ((q << 3) >> 2) & 6 == (1 << k) ^ 2,
    "shift_by_position": lambda b, h, q, k: (5 >> (k % 40)) & 1 == (1 << (q % 7)) >> 4,
    "power": lambda b, h, q, k: (q - k)**2 <= 9,
    "where": lambda b, h, q, k: np.where(q > k, q, k) - np.minimum(q, k) < np.maximum(h, 2),
    "absolute": lambda b, h, q, k: abs(q - k) < 4,
    "logical": lambda b, h, q, k: np.logical_and(q > k, np.logical_not(q == 3)),
    "xor": lambda b, h, q, k: (q > k) ^ (h == 1),
    "bool_equality": lambda b, h, q, k: (q > 3) == (k > 3),
    "bool_arithmetic": lambda b, h, q, k: (q > 3) + (k > 3) * 2 == 3,
    "true_division": lambda b, h, q, k: q / 2 > k,
    "global_array": lambda b, h, q, k: doc[q] == doc[k],
    "through_helper": lambda b, h, q, k: helper(q) == helper(k),
    "constant_index": lambda b, h, q, k: doc[2] >= k,
    "nested_index": lambda b, h, q, k: table[h][k] < table[h, q],
    "default": lambda b, h, q, k, d=np.arange(33) % 3 == 1: d[k],
    "unsigned": lambda b, h, q, k, d=np.full(33, 250, np.uint8): d[k] > 100,
    "partial": functools.partial(lambda w, b, h, q, k: q - k < w, 5),
    "numpy_scalars": lambda b, h, q, k: np.int32(5) + q < np.float32(9.5),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("q_offset", [None, -9])
def test_mask_means_what_python_means(name, q_offset):
    program = trace(MASKS[name], q_offset=q_offset)
    for b, h, q, k in POSITIONS:
        if q_offset and name in ("global_array", "through_helper", "nested_index"):
            continue  # a negative position indexes no array
        q += q_offset or 0
        with np.errstate(over="ignore"):
            assert evaluate(program, "mask", b, h, q, k) == bool(MASKS[name](b, h, q, k)), (b, h, q, k)


SCORES = {
    "bias": lambda s, b, h, q, k: s + table[h, q - k + 35],
    "alibi": lambda s, b, h, q, k: s - (q - k) * 0.25,
    "masked": lambda s, b, h, q, k: np.where(q >= k, s, -np.inf),
    "functions": lambda s, b, h, q, k: np.tanh(s) + np.exp(s / 9) - np.log(np.sqrt(abs(s) + 1)) * np.floor(s),
    "large_product": lambda s, b, h, q, k: s + (q * 100000) * (k * 100000),
    "bucket": lambda s, b, h, q, k: s + (q > k) * 0.5,
}


@pytest.mark.parametrize("name", SCORES)
def test_score_means_what_python_means(name):
    program = trace(score_mod=SCORES[name])
    for b, h, q, k in POSITIONS:
        expected = SCORES[name](np.float32(1.75), b, h, q, k)
        assert evaluate(program, "score", b, h, q, k, 1.75) == pytest.approx(expected, rel=1e-6)


def test_float_to_int_truncates():
    program = trace(score_mod=lambda s, b, h, q, k: (s.to(int) + k.to(np.float32)) * 1.0 + q.float().int())
    assert evaluate(program, "score", i=3, j=2, s=-1.75) == -1 + 2 + 3


def test_positions_are_exact_in_i32_and_products_in_i64():
    lines, _ = body(trace(score_mod=lambda s, b, h, q, k: s + (q - k + 5) + q * k), "score")
    assert [line.split(": index to ")[1] for line in lines if "index_cast" in line] == ["i32", "i64"]


def test_modulo_is_remui_only_where_it_is_right():
    assert "arith.remui" in trace(lambda b, h, q, k: q % 4 == 0).mlir
    assert "arith.remui" in trace(lambda b, h, q, k: (q // 2 + k) % 4 == 0, q_offset=3).mlir
    assert "arith.remui" not in trace(lambda b, h, q, k: q % 4 == 0, q_offset=-3).mlir
    assert "arith.remui" not in trace(lambda b, h, q, k: (q - k) % 4 == 0).mlir


def test_equal_expressions_are_shared_and_dead_ones_dropped():
    def mask(b, h, q, k):
        unused = q * 77
        return (q - k < 5) & (q - k > -5) & q.new_ones((), dtype=bool)
    lines, _ = body(trace(mask), "mask")
    assert sum("arith.subi" in line for line in lines) == 1
    assert not any("muli" in line or "true" in line for line in lines)


def test_mask_functions_written_for_tensors():
    """The shape of transformers' and_masks and padding_mask_function."""
    def and_masks(*functions):
        def and_mask(b, h, q, k):
            result = q.new_ones((), dtype=bool)
            for function in functions:
                result = result & function(b, h, q, k).to(result.device)
            return result
        return and_mask

    def padding(mask):
        return lambda b, h, q, k: mask[b, k]

    padded = np.arange(66).reshape(2, 33) % 3 > 0
    program = trace(and_masks(lambda b, h, q, k: k <= q, padding(padded)))
    assert [o.name for o in program.operands] == ["mask"]
    for b, h, q, k in POSITIONS:
        assert evaluate(program, "mask", b, h, q, k) == (k <= q and padded[b, k])


def test_one_array_under_two_names_is_one_operand():
    same = doc
    program = trace(lambda b, h, q, k: same[q] == doc[k])
    assert len(program.operands) == 1


def test_reserved_and_repeated_names():
    key, other = np.arange(33), (lambda a: lambda q: a[q])

    def mask(b, h, q, k):
        return (key[q] > 1) & (other(doc)(q) > 1)
    names = [(o.name, o.ssa) for o in trace(mask).operands]
    assert names[0] == ("key", "key_1") and len(set(names)) == 2


def test_infinite_and_exact_constants():
    text = trace(score_mod=lambda s, b, h, q, k: s * 1e-5 + float("-inf")).mlir
    assert "0xFF800000 : f32" in text
    assert "arith.constant 9.999999747378752e-06 : f32" in text
    assert " scale 1.0e-05\n" in trace(scale=1e-5).mlir


class Holder:
    doc = doc


@pytest.mark.parametrize("mask, error, message", [
    (lambda b, h, q, k: q >= k and k > 3, TypeError, "use & | ~"),
    (lambda b, h, q, k: not q >= k, TypeError, "use & | ~"),
    (lambda b, h, q, k: 0 <= q - k < 5, TypeError, "chained comparison"),
    (lambda b, h, q, k: q if k > 3 else k, TypeError, "fovea.where instead of `if`"),
    (lambda b, h, q, k: [1, 2][q], TypeError, "can only index a numpy array"),
    (lambda b, h, q, k: sum(1 for _ in range(q)), TypeError, "range"),
    (lambda b, h, q, k: Holder.doc[q] == 3, TypeError, "not captured by name"),
    (lambda b, h, q, k: doc == q, TypeError, "index it with 1 position"),
    (lambda b, h, q, k: doc[q, k] == 3, IndexError, "has rank 1"),
    (lambda b, h, q, k: doc[99] == 3, IndexError, "out of bounds"),
    (lambda b, h, q, k: doc[-1] == 3, IndexError, "out of bounds"),
    (lambda b, h, q, k: doc[q / 2] == 3, TypeError, "positions must be integers"),
    (lambda b, h, q, k: None, TypeError, "mask_mod returned None"),
    (lambda b, h, q, k: q * 0.5, TypeError, "belongs in score_mod"),
    (lambda b, h, q, k: q % 0 == 1, ZeroDivisionError, "by zero"),
    (lambda b, h, q, k: q << 63 > k, ValueError, "shift by 63: expected 0 to 62"),
    (lambda b, h, q, k: q >> -1 > k, ValueError, "shift by -1"),
    (lambda b, h, q, k: q / 2 % 2 == 1, TypeError, "fovea.floor"),
    (lambda b, h, q, k: q**k == 1, TypeError, "constant exponent"),
    (lambda b, h, q, k: np.sin(q) > 0, TypeError, "sin does not work on traced values"),
    (lambda b, h, q, k: np.add.reduce(q) > 0, TypeError, "reduce"),
    (lambda b, h, q, k: q < "x", TypeError, "cannot use str"),
    (lambda b, h, q, k: q < 2**63, OverflowError, "64-bit"),
    (lambda b, h, q, k, c=np.zeros(33, complex): c[q] == 1, TypeError, "complex128 is not supported"),
    (lambda b, h, q, k: fovea.param("w", 3)[q], TypeError, "is a scalar"),
    (lambda b, h, q, k: (q < fovea.param("w", 3)) & (q < fovea.param("w", 4)), ValueError, "two values"),
])
def test_refusals_say_what_would_work(mask, error, message):
    with pytest.raises(error, match=message):
        trace(mask)


@pytest.mark.parametrize("name, value, error", [
    ("a b", 3, ValueError), ("q_offset", 3, ValueError), ("w", "x", TypeError), ("w", None, TypeError), ("w", str, TypeError)])
def test_bad_parameters(name, value, error):
    with pytest.raises(error, match="fovea.param"):
        fovea.param(name, value)


def test_parameter_outside_a_region():
    with pytest.raises(TypeError, match="inside a mask_mod or score_mod"):
        fovea.param("w", 3) + 1
