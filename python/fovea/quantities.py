# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What named masks and scores are given: numbers, constant or not, and tables.

Both have a value while a region is traced and on plain numbers, where they are numpy's: one formula serves both.
"""

import contextlib
import contextvars
import functools

import numpy as np

from .arrays import ELEMENTS, as_array, is_array
from .functions import maximum
from .operands import Captured, Param
from .rules import AtLeast, AxisIs
from .tracing import Value, is_tracing

_given = contextvars.ContextVar("values of fovea.param on plain numbers", default={})
_INTEGERS, _BOOLEANS, _FLOATS = "integers", "booleans", "floats"
_KINDS = {_INTEGERS: "iu", _BOOLEANS: "b", _FLOATS: "f"}


class PerAxis:
    """See `per_head` and `per_sequence`."""

    def __init__(self, name, array, dimension):
        self.name, self.array, self.dimension = name, array, dimension

    def __repr__(self):
        return f"{self.name}({describe(self.array)})"


def per_head(array):
    """One number for each query head, from an array [Hq], wherever a mask or score takes a number."""
    return PerAxis("per_head", array, "Hq")


def per_sequence(array):
    """One number for each sequence of the batch, from an array [B], wherever a mask or score takes a number."""
    return PerAxis("per_sequence", array, "B")


class Number:
    """An integer (or a float, with `real`) that may differ between calls, heads or sequences.

    A Python or numpy number is a constant of the kernel. fovea.param, an array of rank 0, per_head and per_sequence are
    run-time values: another value never compiles again. `plain_axis`: what an array of rank 1 stands for, if anything.
    """

    def __init__(self, argument, value, least=None, real=False, plain_axis=None, rules=()):
        self.argument, self.value, self.least = argument, value, least
        self.rules = (*rules, *([AtLeast(argument, least)] if least is not None else []))
        self.table = None
        self.constant = None
        kind, types = ("a number", (int, float, np.number)) if real else ("an integer", (int, np.integer))
        if plain_axis and (isinstance(value, (list, tuple)) or is_array(value) and len(value.shape) == 1):
            value = self.value = plain_axis(value)
        if isinstance(value, PerAxis):
            axis = AxisIs(argument, 0, value.dimension)
            self.table = Table(argument, value.array, _FLOATS if real else _INTEGERS, [1], "one number each",
                               dims=(value.dimension,), rules=(axis, *self.rules))
            self.by_head = value.dimension == "Hq"
        elif isinstance(value, types) and not isinstance(value, bool):
            self.constant = value.item() if isinstance(value, np.generic) else value
            self._check(self.constant)
        elif isinstance(value, Param) and not is_array(value.value):
            given = value.value if isinstance(value.value, type) else type(value.value)
            if given is bool or not issubclass(given, types):
                raise TypeError(f"{argument}: expected {kind}, got {describe(value)}")
            self._check(value.value)
        elif is_array(value) and not value.shape:
            if as_array(value, argument).dtype.kind not in ("iuf" if real else "iu"):
                raise TypeError(f"{argument}: expected {kind}, got {describe(value)}")
            self._check(value.item())
        else:
            raise TypeError(f"{argument}: expected {kind}, fovea.param(name, ...), masks.per_head(array [Hq]) or "
                            f"masks.per_sequence(array [B]), got {describe(value)}")

    def _check(self, number):
        if self.least is not None and not isinstance(number, type) and not number >= self.least:
            raise ValueError(f"{self.argument}: expected at least {self.least}, got {number}")

    def at(self, b, h):
        """The value for sequence b and head h."""
        if self.constant is not None:
            return self.constant
        if self.table is not None:
            return self.table[h if self.by_head else b]
        if is_tracing():
            return self._traced()
        return self.value.item() if is_array(self.value) else plain(self.value)

    def _traced(self):
        if isinstance(self.value, Param):
            return self.value.with_rules(self.rules)
        return Captured(self.argument, self.value, rules=self.rules)

    def divisor(self, b, h):
        """The value, or 1 where a run-time value is smaller: formulas stay defined whatever they are given."""
        value = self.at(b, h)
        return value if self.constant is not None else maximum(value, 1)

    def added_to(self, position, b, h):
        return position if self.constant == 0 else position + self.at(b, h)

    def __repr__(self):
        return describe(self.value)


class Table:
    """An array read at positions; zero (or false) outside, as compiled code reads it.

    ranks, meaning: what shapes are accepted, and how to say so. dims, rules, claims: of the operand; see operands.py.
    """

    def __init__(self, argument, array, kind, ranks, meaning, dims=None, rules=(), claims=()):
        self.argument, self.key = argument, None
        if isinstance(array, Param):
            if not is_array(array.value):
                raise TypeError(f"{argument}: expected an array, got {describe(array)}")
            argument, self.key, array = array.name, ("param", array.name), array.value
        if isinstance(array, (list, tuple)):
            array = np.array(array) if array else np.zeros(0, int)
        if not is_array(array):
            raise TypeError(f"{self.argument}: expected an array, got {describe(array)}")
        self.name, self.array = argument, array
        view = as_array(array, self.argument)
        if view.dtype.kind not in _KINDS[kind] or view.dtype.name not in ELEMENTS:
            hint = {_INTEGERS: "numpy.int32", _BOOLEANS: "bool", _FLOATS: "numpy.float32"}[kind]
            raise TypeError(f"{self.argument}: expected {kind}, got {view.dtype}; convert with .astype({hint})")
        if view.ndim not in ranks:
            raise ValueError(f"{self.argument}: expected {meaning}, got shape {view.shape}")
        self.shape, self.about = view.shape, {"dims": dims, "rules": rules, "claims": claims}

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if is_tracing():
            return Captured(self.name, self.array, self.key, **self.about)[index]
        array = as_array(_given.get().get(self.name, self.array), self.argument)
        index = [np.asarray(p) for p in index]
        inside = functools.reduce(np.logical_and, [(0 <= p) & (p < n) for p, n in zip(index, array.shape)])
        if not array.size:
            return np.zeros(np.shape(inside), array.dtype)
        value = array[tuple(np.clip(p, 0, n - 1) for p, n in zip(index, array.shape))]
        value = np.where(inside, value, np.zeros((), array.dtype))
        return value.astype(np.int64) if value.dtype.kind in "iu" else value

    def __repr__(self):
        return describe(self.array)


def rank_of(value):
    """The rank of an array, a list or fovea.param of an array; -1 for anything else."""
    value = value.value if isinstance(value, Param) else value
    if isinstance(value, (list, tuple)):
        return np.ndim(value)
    return len(value.shape) if is_array(value) else -1


def plain(param):
    """The value of a `fovea.param` outside of a trace."""
    value = _given.get().get(param.name, param.value)
    if isinstance(value, type):
        raise ValueError(f'{param.name}: no value; pass params={{"{param.name}": ...}}')
    return value


@contextlib.contextmanager
def given(params):
    """Values by name for parameters and tables on plain numbers."""
    token = _given.set(dict(params or {}))
    try:
        yield
    finally:
        _given.reset(token)


def describe(value):
    """A short text for any argument: `512`, `param('w')`, `int32[64]`."""
    if isinstance(value, Param):
        return f"param({value.name!r})"
    if is_array(value):
        return f"{getattr(value, 'dtype', '?')}{list(value.shape)}"
    if isinstance(value, Value):
        return "a traced value"
    if isinstance(value, (list, tuple)) and len(value) > 8:
        return f"{type(value).__name__}[{len(value)}]"
    return value.item().__repr__() if isinstance(value, np.generic) else repr(value)
