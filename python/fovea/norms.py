# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QK-norm: the gains that each row of query and key is multiplied by once it is normalised, as operands of a call."""

import math

import numpy as np

from .arrays import as_float32, is_array
from .operands import Operand
from .tracing import float_literal

EPSILON = 1e-6


def check_norm(options, dims):
    """ValueError or TypeError for gains that do not fit the call."""
    for name in ("query_norm", "key_norm"):
        gain = getattr(options, name)
        if gain is not None and gain is not True:
            as_gain(gain, name, dims.Dk)
    if not (math.isfinite(options.norm_epsilon) and 0 <= options.norm_epsilon <= 1):
        raise ValueError(f"norm_epsilon: expected a number from 0 to 1, got {options.norm_epsilon}")
    if options.norm_epsilon != EPSILON and not has_norm(options):
        raise ValueError("norm_epsilon: only query_norm and key_norm read it; pass one of them")


def has_norm(options):
    return options.query_norm is not None or options.key_norm is not None


def as_gain(value, name, columns):
    """float32 [Dk], any stride."""
    if not is_array(value):
        raise TypeError(f"{name}: expected an array [Dk], or True for gains of 1, got {value!r}")
    array = as_float32(value, name)
    if array.shape != (columns,):
        raise ValueError(f"{name}: expected shape ({columns},), a gain for each column, got {array.shape}")
    return array


class GainOperand(Operand):
    """An operand of a static size."""

    def __init__(self, columns, *rest):
        super().__init__(*rest)
        self.columns = columns

    def check(self, value):
        return super().check(value) if value is None else as_gain(value, self.name, self.columns)


def norms_of(operands, options, dims):
    """Of query and key, the operand with its gains, where there is one."""
    sides = {}
    for side in ("query", "key"):
        gain = getattr(options, f"{side}_norm")
        if gain is not None:
            value = np.ones(dims.Dk, np.float32) if gain is True else gain
            sides[side] = operands.add(("norm", side), f"{side}_norm", f"tensor<{dims.Dk}xf32>", value,
                                       make=lambda *rest: GainOperand(dims.Dk, *rest))
    return sides


def clauses(sides, options):
    text = "".join(f" {side}_norm(%{gain.ssa})" for side, gain in sides.items())
    return f"{text} epsilon {float_literal(options.norm_epsilon, single=False)}" if text else ""
