# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a Python function on positions to the text of an MLIR region.

A mask or score function is called once with traced values. Each operation appends one SSA line of arith, math or
tensor.extract; equal lines are shared. Kinds: "index" for integers, "f32" for scores, "i1" for truth values.
Integers carry two facts: |x| < 2**bits, and whether x >= 0 is known. They pick the cheap exact form of % and of the
conversion to f32.
"""

import contextlib
import threading

import numpy as np

POSITION_BITS = 28  # positions, batch and head numbers stay below 2**28; checked when a plan is made
_RANK = {"i1": 0, "index": 1, "f32": 2}
_local = threading.local()


class Value:
    """What may stand in a region expression: a traced value, a `fovea.param`, a captured array of rank 0.

    Operators + - * / // % ** << >>, comparisons, & | ^ ~ and abs follow Python: // and % round down, / is float
    division. Unlike Python, // and % by a zero known only at run time give some number, and shifts by a run-time amount
    use its lowest 6 bits. `and`, `or`, `not`, `if` and
    chained comparisons need a truth value at trace time and raise TypeError.
    """

    __hash__ = object.__hash__
    __array_priority__ = 1000

    def __bool__(self):
        raise TypeError("a traced value has no truth value: use & | ~ instead of `and` `or` `not`, "
                        "(a <= x) & (x < b) instead of a chained comparison, and fovea.where instead of `if`")

    def __index__(self):
        raise TypeError("a traced value can only index a numpy array (or CPU tensor) that the function captures by name, "
                        "or fovea.param(name, array): not a list, an attribute of an object, or range()")

    def __pow__(self, exponent):
        if isinstance(exponent, bool) or not isinstance(exponent, int) or not 1 <= exponent <= 16:
            raise TypeError("** takes a constant exponent from 1 to 16; otherwise use fovea.exp(y * fovea.log(x))")
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __neg__(self):
        return binary("sub", 0, self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _apply("absolute", self)

    def __invert__(self):
        value = lift(self)
        return binary("xor", value, True if value.kind == "i1" else -1)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method != "__call__" or kwargs:
            raise TypeError(f"numpy.{ufunc.__name__}.{method} does not work on traced values")
        return _apply(ufunc.__name__, *inputs)

    def __array_function__(self, func, types, args, kwargs):
        return _apply(func.__name__, *args, **kwargs)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return _apply(func.__name__, *args, **(kwargs or {}))


def _operators():
    for op in ("add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift"):
        setattr(Value, f"__{op}__", lambda a, b, op=op: binary(op, a, b))
        setattr(Value, f"__r{op}__", lambda a, b, op=op: binary(op, b, a))
    for op in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Value, f"__{op}__", lambda a, b, op=op: compare(op, a, b))


_operators()


def _apply(name, *args, **kwargs):
    from .functions import BY_NAME  # the table is built on this module
    function = BY_NAME.get(name)
    if function is None:
        raise TypeError(f"{name} does not work on traced values; available: {', '.join(sorted(BY_NAME))}")
    return function(*args, **kwargs)


class Traced(Value):
    """One SSA value of a region, with just enough of a tensor's surface for functions written for tensors."""

    def __init__(self, builder, name, kind, bits=63, nonneg=False, const=None):
        self.builder, self.name, self.kind = builder, name, kind
        self.bits, self.nonneg, self.const = bits, nonneg, const

    device = "cpu"
    shape = ()
    ndim = 0

    @property
    def dtype(self):
        return {"i1": np.dtype(bool), "index": np.dtype(np.int64), "f32": np.dtype(np.float32)}[self.kind]

    def to(self, *targets, dtype=None, device=None, **_):
        """Like Tensor.to: dtypes convert, devices are ignored."""
        for target in (*targets, dtype):
            kind = kind_of_dtype(target)
            if kind is not None:
                return convert(self, kind)
        return self

    type = astype = to

    def bool(self):
        return convert(self, "i1")

    def int(self):
        return convert(self, "index")

    long = int

    def float(self):
        return convert(self, "f32")

    def new_full(self, size, value, dtype=None, device=None):
        """Like Tensor.new_full; `size` must be () or all ones, because a traced value is one element."""
        if any(n != 1 for n in (size if isinstance(size, (tuple, list)) else (size,))):
            raise TypeError(f"a traced value is one element: new tensors of size {size} do not exist here")
        return convert(lift(value), kind_of_dtype(dtype) or self.kind)

    def new_ones(self, *size, dtype=None, device=None):
        return self.new_full(size[0] if size else (), 1, dtype)

    def new_zeros(self, *size, dtype=None, device=None):
        return self.new_full(size[0] if size else (), 0, dtype)

    def __repr__(self):
        return f"<traced {self.kind} {self.name}>"


def kind_of_dtype(dtype):
    """The kind a Python, numpy or torch dtype stands for; None when it is not a dtype (a device, say)."""
    if dtype is None:
        return None
    name = (getattr(dtype, "__name__", None) or str(dtype)).rpartition(".")[2]
    for prefix, kind in (("bool", "i1"), ("uint", "index"), ("int", "index"), ("long", "index"), ("float", "f32")):
        if name.startswith(prefix):
            return kind
    return None


class Builder:
    """The region being traced. `operands` collects what becomes arguments of the function around it."""

    def __init__(self, operands):
        self.operands = operands
        self.lines = []
        self.shared = {}

    def emit(self, expression, kind, **facts):
        if expression not in self.shared:
            name = f"%{len(self.lines)}"
            self.lines.append(f"{name} = {expression}")
            self.shared[expression] = Traced(self, name, kind, **facts)
        return self.shared[expression]

    def constant(self, value):
        if isinstance(value, bool):
            return self.emit(f"arith.constant {'true' if value else 'false'}", "i1", const=value)
        if isinstance(value, int):
            if not -2**63 <= value < 2**63:
                raise OverflowError(f"{value} does not fit a 64-bit integer")
            return self.emit(f"arith.constant {value} : index", "index", bits=value.bit_length(), nonneg=value >= 0, const=value)
        return self.emit(f"arith.constant {float_literal(value)} : f32", "f32", const=value)

    @contextlib.contextmanager
    def active(self):
        """Makes this the region that parameters and captured arrays are read in."""
        previous, _local.builder = getattr(_local, "builder", None), self
        try:
            yield self
        finally:
            _local.builder = previous


def is_tracing():
    """Whether a mask_mod or score_mod is being traced, rather than called on numbers."""
    return getattr(_local, "builder", None) is not None


def current():
    builder = getattr(_local, "builder", None)
    if builder is None:
        raise TypeError("fovea.param and captured arrays only have a value inside a mask_mod or score_mod")
    return builder


def float_literal(value, single=True):
    """An MLIR float literal, exact: f32 unless `single` is false; inf and NaN in hexadecimal."""
    with np.errstate(over="ignore"):
        rounded = np.float32(value) if single else np.float64(value)
    if not np.isfinite(rounded):
        return f"0x{int(rounded.view(np.uint32 if single else np.uint64)):0{8 if single else 16}X}"
    mantissa, e, exponent = repr(float(rounded)).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + e + exponent


def lift(x):
    """`x` as a traced value of the current region."""
    if isinstance(x, Traced):
        if x.builder is not current():
            raise TypeError("a traced value was kept from another mask_mod or score_mod call")
        return x
    if hasattr(x, "lift"):
        return x.lift(current())
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and x.ndim == 0):
        x = x.item()
    if isinstance(x, (bool, int, float)):
        return current().constant(x)
    raise TypeError(f"cannot use {type(x).__name__} in a mask or score: use Python numbers, fovea.param, "
                    "or captured arrays indexed by positions")


def convert(x, kind):
    """Python's bool < int < float, explicitly; float -> int truncates."""
    x = lift(x)
    b = x.builder
    if x.kind == kind:
        return x
    if x.const is not None:
        return b.constant({"i1": bool, "index": int, "f32": float}[kind](x.const))
    if kind == "i1":
        return compare("ne", x, 0)
    if x.kind == "i1":
        one, zero = convert(b.constant(True), kind), convert(b.constant(False), kind)
        return b.emit(f"arith.select {x.name}, {one.name}, {zero.name} : {kind}", kind, bits=1, nonneg=True)
    if kind == "f32":
        integer = "i32" if x.bits <= 31 else "i64"
        narrow = b.emit(f"arith.index_cast {x.name} : index to {integer}", integer)
        return b.emit(f"arith.sitofp {narrow.name} : {integer} to f32", "f32")
    whole = b.emit(f"arith.fptosi {x.name} : f32 to i32", "i32")
    return b.emit(f"arith.index_cast {whole.name} : i32 to index", "index", bits=31)


def promote(x, y, least="i1"):
    x, y = lift(x), lift(y)
    kind = max(x.kind, y.kind, least, key=_RANK.get)
    return convert(x, kind), convert(y, kind), kind


def binary(op, x, y):
    """x op y. Integers: // is floor, % has the divisor's sign, as in Python."""
    logical = op in ("and", "or", "xor")
    x, y, kind = promote(x, y, "i1" if logical else "f32" if op == "truediv" else "index")
    b = x.builder
    if kind == "f32":
        return _float_binary(b, op, x, y)
    if logical and kind == "i1":
        for const, other in ((x.const, y), (y.const, x)):
            if op == "and" and const is not None:
                return other if const else b.constant(False)
            if op == "or" and const is not None:
                return b.constant(True) if const else other
    if op in ("floordiv", "mod"):
        return _divide(b, op, x, y)
    if op in ("lshift", "rshift"):
        y = _shift_amount(y)
    name = {"add": "addi", "sub": "subi", "mul": "muli", "and": "andi", "or": "ori", "xor": "xori",
            "lshift": "shli", "rshift": "shrsi"}[op]
    return b.emit(f"arith.{name} {x.name}, {y.name} : {kind}", kind, **_facts(op, x, y))


def _facts(op, x, y):
    both = x.nonneg and y.nonneg
    widest = max(x.bits, y.bits)
    if op == "sub":
        return {"bits": widest if both else min(63, widest + 1)}
    if op == "lshift":
        return {"bits": 63}
    bits = {"add": widest + 1, "mul": x.bits + y.bits, "rshift": x.bits}.get(op, widest if both else widest + 1)
    # x & y is at most either one that is known to be non-negative.
    return {"bits": min(63, bits), "nonneg": both or (op == "and" and (x.nonneg or y.nonneg))}


def _shift_amount(y):
    """Only 0 to 63 mean something in 64 bits."""
    if y.const is not None and not 0 <= y.const < 63:
        raise ValueError(f"shift by {y.const}: expected 0 to 62, integers have 64 bits")
    return y if y.nonneg and y.bits <= 6 else binary("and", y, 63)


def _divide(b, op, x, y):
    if y.const == 0:
        raise ZeroDivisionError(f"integer {'division' if op == 'floordiv' else 'modulo'} by zero")
    positive = y.const is not None and y.const > 0
    if op == "mod" and x.nonneg and (positive or y.nonneg):
        return b.emit(f"arith.remui {x.name}, {y.name} : index", "index", bits=y.bits, nonneg=True)
    quotient = b.emit(f"arith.floordivsi {x.name}, {y.name} : index", "index", bits=x.bits,
                      nonneg=x.nonneg and (positive or y.nonneg))
    if op == "floordiv":
        return quotient
    product = b.emit(f"arith.muli {quotient.name}, {y.name} : index", "index")
    return b.emit(f"arith.subi {x.name}, {product.name} : index", "index", bits=y.bits, nonneg=positive)


def _float_binary(b, op, x, y):
    name = {"add": "addf", "sub": "subf", "mul": "mulf", "truediv": "divf"}.get(op)
    if name is None:
        raise TypeError({"floordiv": "// on floats: use fovea.floor(a / b)",
                         "mod": "% on floats: use a - fovea.floor(a / b) * b"}.get(op, f"{op} needs integers or booleans"))
    if op == "sub" and x.const == 0:
        return b.emit(f"arith.negf {y.name} : f32", "f32")
    return b.emit(f"arith.{name} {x.name}, {y.name} : f32", "f32")


def compare(op, x, y):
    """x op y as i1. With NaN every comparison but != is false, as in Python."""
    equality = op in ("eq", "ne")
    x, y, kind = promote(x, y, "i1" if equality else "index")
    b = x.builder
    if kind == "i1":
        different = binary("xor", x, y)
        return different if op == "ne" else binary("xor", different, True)
    if kind == "f32":
        predicate = "une" if op == "ne" else "o" + op
        return b.emit(f"arith.cmpf {predicate}, {x.name}, {y.name} : f32", "i1")
    predicate = op if equality else "s" + op
    return b.emit(f"arith.cmpi {predicate}, {x.name}, {y.name} : index", "i1")
