# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What masks.py and scores.py return: functions with a name, that compose.

A `Mask` is a mask_mod and a `Score` a score_mod; both are also functions of plain integers and numpy arrays of positions,
with the same meaning. Their repr is the expression that made them.
"""

import numpy as np

from .capture import instrument
from .quantities import given
from .tracing import Value, convert, is_tracing, lift


class Mask:
    """True where the key is visible: mask(b, h, q_idx, kv_idx).

    Compose with & | ^ ~, also with plain functions of the same arguments.
    """

    # numpy must not take `array_function & mask` apart.
    __array_ufunc__ = None

    def __init__(self, function, text, is_compound=False):
        self._function, self._text, self._is_compound = function, text, is_compound

    def __call__(self, b, h, q_idx, kv_idx):
        return _truth(self._function(b, h, q_idx, kv_idx))

    def dense(self, B, H, Nq, Nk, *, q_offset=0, params=None):
        """The whole mask as booleans [B, H, Nq, Nk]: for looking at, and for comparing with other libraries."""
        b, h = np.arange(B)[:, None, None, None], np.arange(H)[:, None, None]
        with given(params):
            keep = self(b, h, np.arange(Nq)[:, None] + q_offset, np.arange(Nk))
        return np.broadcast_to(keep, (B, H, Nq, Nk)).copy()

    def __and__(self, other):
        return _combine("&", lambda x, y: x & y, self, other)

    def __or__(self, other):
        return _combine("|", lambda x, y: x | y, self, other)

    def __xor__(self, other):
        return _combine("^", lambda x, y: x ^ y, self, other)

    def __rand__(self, other):
        return _combine("&", lambda x, y: x & y, other, self)

    def __ror__(self, other):
        return _combine("|", lambda x, y: x | y, other, self)

    def __rxor__(self, other):
        return _combine("^", lambda x, y: x ^ y, other, self)

    def __invert__(self):
        def inverted(*at):
            visible = self(*at)
            return not visible if isinstance(visible, bool) else ~visible
        return Mask(inverted, f"~{self._operand()}")

    def _operand(self):
        return f"({self._text})" if self._is_compound else self._text

    def __repr__(self):
        return self._text


def as_mask(mask, name="mask"):
    """A `Mask` from one, or from a plain mask_mod function."""
    if isinstance(mask, Mask):
        return mask
    if not callable(mask):
        raise TypeError(f"{name}: expected a mask or a function of (b, h, q_idx, kv_idx), got {mask!r}")
    return Mask(lambda *at: (instrument(mask) if is_tracing() else mask)(*at), getattr(mask, "__name__", repr(mask)))


def _combine(symbol, operation, x, y):
    for operand in (x, y):
        if not callable(operand):
            return NotImplemented
    x, y = as_mask(x), as_mask(y)
    return Mask(lambda *at: operation(x(*at), y(*at)), f"{x._operand()} {symbol} {y._operand()}", is_compound=True)


def _truth(value):
    """Traced values as i1, numbers as booleans: what & | ~ mean then is logic."""
    if isinstance(value, Value):
        value = lift(value)
        if value.kind == "f32":
            raise TypeError("a mask must give a truth value (a comparison), not a float; an additive bias belongs in scores")
        return convert(value, "i1")
    if np.ndim(value) == 0 and not isinstance(value, np.ndarray):
        return bool(value)
    return np.asarray(value).astype(bool)


class Score:
    """A new score from the old: score(s, b, h, q_idx, kv_idx). `a >> b` applies a, then b."""

    def __init__(self, function, text):
        self._function, self._text = function, text

    def __call__(self, score, b, h, q_idx, kv_idx):
        return self._function(score, b, h, q_idx, kv_idx)

    def __rshift__(self, other):
        return _chain(self, other) if callable(other) else NotImplemented

    def __rrshift__(self, other):
        return _chain(other, self) if callable(other) else NotImplemented

    def __repr__(self):
        return self._text


def as_score(score, name="score"):
    """A `Score` from one, or from a plain score_mod function."""
    if isinstance(score, Score):
        return score
    if not callable(score):
        raise TypeError(f"{name}: expected a score or a function of (score, b, h, q_idx, kv_idx), got {score!r}")
    return Score(lambda *at: (instrument(score) if is_tracing() else score)(*at), getattr(score, "__name__", repr(score)))


def _chain(first, second):
    first, second = as_score(first), as_score(second)
    return Score(lambda s, *at: second(first(s, *at), *at), f"{first!r} >> {second!r}")


def call(name, *arguments, **options):
    """The text of a call: `name(1, window=2)`. Options that are None are left out."""
    shown = [repr(a) for a in arguments] + [f"{k}={v!r}" for k, v in options.items() if v is not None]
    return f"{name}({', '.join(shown)})"
