# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run-time operands of masks and scores: parameters and captured arrays become arguments of the MLIR function."""

import re

import numpy as np

from .arrays import as_captured, is_array
from .tracing import POSITION_BITS, Traced, Value, compare, current, lift

# Names that the function itself uses: its tensors and the region arguments.
_RESERVED = frozenset(("query", "key", "value", "cache", "key_up", "value_up", "o", "lse", "s", "b", "h", "i", "j"))
BUILT_IN = ("q_offset", "kv_len", "window", "additive")


class Operand:
    """One argument after query, key and value.

    name   what `params={name: ...}` calls it; `ssa` is its name in the text
    type   "index", "f32" or a tensor type
    value  the value to run with; None: it must come with the call
    rules  what its value must satisfy for the sizes of a call; see rules.py
    claims unit attributes of the argument: what the compiler may rely on
    """

    def __init__(self, name, ssa, type, value, dims=None):
        self.name, self.ssa, self.type, self.dims = name, ssa, type, dims
        self.rules, self.claims = (), ()
        self.value = None if any(value is t for t in (int, float, bool)) else value

    @property
    def is_tensor(self):
        return self.type.startswith("tensor")

    def declare(self):
        names = ", ".join(f'"{d}"' for d in self.dims or ())
        attributes = [f"attn.dims = [{names}]"] if names else []
        attributes += self.claims
        return f"%{self.ssa}: {self.type}" + (f" {{{', '.join(attributes)}}}" if attributes else "")

    def demand(self, rules, claims=()):
        """Adds rules and claims, each once."""
        self.rules = tuple(dict.fromkeys((*self.rules, *rules)))
        self.claims = tuple(dict.fromkeys((*self.claims, *claims)))

    def check(self, value):
        """`value` in the form that is passed to the kernel, or a TypeError or ValueError."""
        if value is None:
            raise ValueError(f"{self.name}: no value; pass " + (
                f"{self.name}=..." if self.name in BUILT_IN else f'params={{"{self.name}": ...}}'))
        if self.is_tensor:
            array, element = as_captured(value, self.name)
            expected = tensor_type(array.ndim, element)
            if expected != self.type:
                raise TypeError(f"{self.name}: the kernel was compiled for {self.type}, this is {expected}")
            return array
        return scalar(value, self.name, int if self.type == "index" else float)


def scalar(value, name, kind):
    """A Python int or float from any scalar; TypeError when `value` is not one of that kind."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if not isinstance(value, int if kind is int else (int, float)):
        raise TypeError(f"{name}: expected {'an integer' if kind is int else 'a number'}, got {value!r}")
    if kind is int and not -2**63 <= value < 2**63:
        raise ValueError(f"{name}: {value} does not fit a 64-bit integer")
    try:
        return kind(value)
    except OverflowError:
        raise ValueError(f"{name}: {str(value)[:9]}... ({value.bit_length()} bits) does not fit a float") from None


def tensor_type(rank, element):
    return f"tensor<{'?x' * rank}{element.mlir}>"


class Operands:
    """Collects operands in order of first use; both regions of one function share it."""

    def __init__(self):
        self.all = []
        self.by_key = {}

    def add(self, key, name, type, value, dims=None, make=Operand):
        if key not in self.by_key:
            taken = {o.ssa for o in self.all} | _RESERVED | (set() if key in BUILT_IN else set(BUILT_IN))
            unique, n = name, 0
            while unique in taken:
                n += 1
                unique = f"{name}_{n}"
            # Two arrays of one variable name need two names; a name that only the text cannot use stays as it is.
            free = name not in BUILT_IN and all(o.name != name for o in self.all)
            self.by_key[key] = make(name if free else unique, unique, type, value, dims)
            self.all.append(self.by_key[key])
        return self.by_key[key]


class Captured(Value):
    """A captured array: `doc[q_idx]`, `bias[h, i - j]`, `table[h][i]`, also with constant indices.

    The element is an integer, a float or a truth value, by the array's dtype; its content is read when the kernel runs,
    so other content does not compile again. An array read at a position itself, `doc[kv_idx]`, must cover all positions; at
    computed ones, `bias[h, i - j]`, an index outside the array reads as zero.
    """

    def __init__(self, name, array, key=None, prefix=(), dims=None, rules=(), claims=()):
        self.name, self.array, self.prefix = name, array, prefix
        self.key = id(array) if key is None else key
        self.about = {"dims": dims, "rules": rules, "claims": claims}

    def __getattr__(self, attribute):  # shape, size, ... of the array itself
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(self.array, attribute)

    def __len__(self):
        return self.array.shape[len(self.prefix)]

    def __getitem__(self, index):
        prefix = self.prefix + (index if isinstance(index, tuple) else (index,))
        rank = len(self.array.shape)
        if len(prefix) > rank:
            raise IndexError(f"{self.name} has rank {rank}, indexed with {len(prefix)} positions")
        indexed = Captured(self.name, self.array, self.key, prefix, **self.about)
        return indexed.lift(current()) if len(prefix) == rank else indexed

    def lift(self, builder):
        view, element = as_captured(self.array, self.name)
        if len(self.prefix) != view.ndim:
            raise TypeError(f"{self.name} has rank {view.ndim}: index it with {view.ndim} positions before computing with it")
        if view.ndim == 0:
            traced = _scalar_operand(builder, self.key, self.name, self.array.item())
            builder.operands.by_key[self.key].demand(self.about["rules"])
            return traced
        type = tensor_type(view.ndim, element)
        operand = builder.operands.add(self.key, self.name, type, self.array, self.about["dims"])
        operand.demand(self.about["rules"], self.about["claims"])
        positions = ", ".join(self._position(p, n).name for p, n in zip(self.prefix, view.shape))
        loaded = builder.emit(f"tensor.extract %{operand.ssa}[{positions}] : {type}", element.mlir)
        return _as_value(builder, loaded, element)

    def _position(self, index, size):
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            if not 0 <= index < size:
                raise IndexError(f"index {index} is out of bounds for {self.name}, size {size} there")
            return lift(int(index))
        if not isinstance(index, Value) or lift(index).kind != "index":
            raise TypeError(f"{self.name} is indexed with {index!r}; positions must be integers (use .int() on a float)")
        return lift(index)


def _as_value(builder, loaded, element):
    """An element as one of the three kinds."""
    if element.kind == "float":
        return loaded if element.mlir == "f32" else builder.emit(f"arith.truncf {loaded.name} : f64 to f32", "f32")
    if element.kind == "bool":
        zero = builder.emit("arith.constant 0 : i8", "i8")
        return builder.emit(f"arith.cmpi ne, {loaded.name}, {zero.name} : i8", "i1")
    cast = "index_castui" if element.kind == "uint" else "index_cast"
    return builder.emit(f"arith.{cast} {loaded.name} : {element.mlir} to index", "index",
                        bits=min(element.bits, 63), nonneg=element.kind == "uint")


def _scalar_operand(builder, key, name, value):
    kind = value if isinstance(value, type) else type(value)
    operand = builder.operands.add(key, name, "f32" if kind is float else "index", value)
    traced = Traced(builder, f"%{operand.ssa}", "f32" if kind is float else "index")
    # A boolean parameter travels as an integer.
    return compare("ne", traced, 0) if kind is bool else traced


class Param(Value):
    """See `param`."""

    def __init__(self, name, value, rules=()):
        self.name, self.value, self.rules = name, value, rules

    def with_rules(self, rules):
        """The same parameter, whose value must satisfy `rules` as well."""
        return Param(self.name, self.value, rules)

    def __getitem__(self, index):
        if not is_array(self.value):
            raise TypeError(f"fovea.param({self.name!r}) is a scalar and cannot be indexed")
        return Captured(self.name, self.value, ("param", self.name))[index]

    def lift(self, builder):
        key = ("param", self.name)
        if is_array(self.value):
            return Captured(self.name, self.value, key).lift(builder)
        known = builder.operands.by_key.get(key)
        traced = _scalar_operand(builder, key, self.name, self.value)
        operand = builder.operands.by_key[key]
        operand.demand(self.rules)
        given = None if isinstance(self.value, type) else self.value
        if known is not None and given is not None:
            if operand.value is None:
                operand.value = given
            elif operand.value != given:
                raise ValueError(f"fovea.param({self.name!r}) is used with two values, {operand.value!r} and {given!r}")
        return traced


def param(name, value):
    """A named run-time value of a mask or score: another value never compiles again.

    value: an int, float or bool (its current value), a numpy array or CPU tensor (indexed by positions), or one of the
    types int, float, bool, when the value comes with each call as `params={name: ...}`, which always has precedence.

        window = fovea.param("window_size", 128)
        fovea.attention(q, k, v, mask_mod=lambda b, h, i, j: i - j < window)
        fovea.attention(q, k, v, mask_mod=..., params={"window_size": 256})    # the same kernel

    Plain captured Python numbers are constants instead: the compiler can use them, and another number compiles again.
    ValueError: the name is not an identifier, or is one of q_offset, kv_len, window, additive.
    TypeError: the value is none of the above.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in BUILT_IN:
        raise ValueError(f"fovea.param: {name!r} must be an ASCII identifier other than {', '.join(BUILT_IN)}")
    if isinstance(value, np.generic):
        value = value.item()
    if not (is_array(value) or isinstance(value, (int, float)) or value in (int, float, bool)):
        raise TypeError(f"fovea.param({name!r}): expected a number, an array, or one of the types int, float, bool; "
                        f"got {value!r}")
    return Param(name, value)


def position(builder, name, nonneg=True):
    """A region argument that is a position, a batch or a head number."""
    return Traced(builder, name, "index", bits=POSITION_BITS, nonneg=nonneg)
