# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scores by name: functions that return a `Score`, to pass as score_mod.

    fovea.attention(q, k, v, score_mod=scores.softcap(30) >> scores.alibi(slopes))

s is the scaled dot product of query and key, i the absolute position of the query, j of the key, h the query head. `a >> b` and
`chain(a, b)` apply a, then b. Numbers as in masks.py; arrays are run-time values. The list with formulas and sources:
docs/masks.md. A learned sink is not a score but an option: fovea.attention(sink=...).
"""

import math

import numpy as np

from .functions import abs as magnitude
from .functions import log, maximum, tanh
from .named import Score, as_score, call
from .quantities import Number, Table, per_head, per_sequence
from .rules import AxisIs, Positive
from .score_tables import dense_bias, relative_bias, relative_bias_2d, t5_bias

__all__ = ["Score", "alibi", "alibi_slopes", "chain", "dense_bias", "entropy_scaling", "log_n", "per_head", "per_sequence",
           "position_temperature", "relative_bias", "relative_bias_2d", "scalable_softmax", "softcap", "t5_bias", "temperature"]


def alibi(slopes, *, bidirectional=False):
    """s - slopes[h] (i - j), or with |i - j| when bidirectional. slopes: floats [Hq], as `alibi_slopes` gives them.

    Source: Press et al., Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation, 2022.
    """
    slopes = Table("slopes", slopes, "floats", [1], "one slope per query head, [Hq]", dims=("Hq",), rules=(AxisIs("slopes", 0, "Hq"),))

    def score(s, b, h, i, j):
        return s - slopes[h] * (magnitude(i - j) if bidirectional else i - j)
    return Score(score, call("alibi", slopes, bidirectional=bidirectional or None))


def alibi_slopes(heads):
    """float32 [heads]: 2^(-8 (h+1) / heads) for a power of two; otherwise those of the power of two below, then every second
    one of the power of two above.

    Source: as `alibi`.
    """
    if isinstance(heads, bool) or not isinstance(heads, (int, np.integer)):
        raise TypeError(f"heads: expected an integer, got {heads!r}")
    if heads < 1:
        raise ValueError(f"heads: expected at least 1, got {heads}")

    def of(count):
        return 2.0 ** (-8.0 * np.arange(1, count + 1) / count)
    below = 2 ** int(math.log2(heads))
    return np.concatenate([of(below), of(2 * below)[::2][:heads - below]]).astype(np.float32)


def softcap(cap):
    """cap tanh(s / cap).

    Source: Gemma Team, Gemma 2: Improving Open Language Models at a Practical Size, 2024.
    """
    cap = _positive("cap", cap)
    return Score(lambda s, b, h, i, j: cap.at(b, h) * tanh(s * (1.0 / cap.at(b, h))), call("softcap", cap))


def temperature(value):
    """s / value: a softmax temperature, for example learned per head with per_head(array).

    Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
    """
    value = _positive("value", value)
    return Score(lambda s, b, h, i, j: s / value.at(b, h), call("temperature", value))


def log_n(train_length, *, length=None):
    """s max(1, ln n / ln train_length): as it was in training up to its length, sharper beyond. n is `length` (a number, or
    integers [B]) if given, else i + 1, the keys that a causal query sees.

    Source: Bai et al., Qwen Technical Report, 2023.
    """
    factor, text = _log_ratio("log_n", train_length, length)
    return Score(lambda s, b, h, i, j: s * maximum(factor(b, h, i), 1.0), text)


def entropy_scaling(train_length, *, length=None):
    """s ln n / ln train_length, which keeps the entropy of attention about the same for all n; n as in `log_n`.

    Source: Chiang and Cholak, Overcoming a Theoretical Limitation of Self-Attention, 2022.
    """
    factor, text = _log_ratio("entropy_scaling", train_length, length)
    return Score(lambda s, b, h, i, j: s * factor(b, h, i), text)


def scalable_softmax(weight, *, length=None):
    """s weight ln n; weight: a number or per_head(array), n as in `log_n`.

    Source: Nakanishi, Scalable-Softmax Is Superior for Attention, 2025.
    """
    weight, length = Number("weight", weight, real=True), _length(length)
    return Score(lambda s, b, h, i, j: s * (weight.at(b, h) * _log_count(length, b, h, i)),
                 call("scalable_softmax", weight, length=length))


def position_temperature(step, weight):
    """s (1 + weight ln(1 + floor((i + 1) / step))).

    Source: Meta, The Llama 4 herd, 2025 (step 8192, weight 0.1, in its layers without rotary positions).
    """
    step, weight = Number("step", step, least=1), Number("weight", weight, real=True)

    def score(s, b, h, i, j):
        passed = (maximum(i, 0) + 1) // step.divisor(b, h)
        return s * (1.0 + weight.at(b, h) * log(1.0 + passed))
    return Score(score, call("position_temperature", step, weight))


def chain(*scores):
    """The first applied first; without any, s."""
    scores = [as_score(score, f"chain: score {n}") for n, score in enumerate(scores)]

    def score(s, *at):
        for step in scores:
            s = step(s, *at)
        return s
    return Score(score, call("chain", *scores))


def _positive(argument, value):
    number = Number(argument, value, real=True, rules=(Positive(argument),))
    if number.constant is not None and not (number.constant > 0 and math.isfinite(number.constant)):
        raise ValueError(f"{argument}: expected a positive number, got {value!r}")
    return number


def _length(length):
    return None if length is None else Number("length", length, least=1, plain_axis=per_sequence)


def _log_count(length, b, h, i):
    """ln n; n is at least 1."""
    return log(1.0 * (maximum(i, 0) + 1 if length is None else maximum(length.at(b, h), 1)))


def _log_ratio(name, train_length, length):
    train, length = Number("train_length", train_length, least=2), _length(length)

    def factor(b, h, i):
        base = math.log(train.constant) if train.constant is not None else log(1.0 * maximum(train.at(b, h), 2))
        return _log_count(length, b, h, i) / base
    return factor, call(name, train, length=length)
