# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions for masks and scores. On plain numbers and arrays they are numpy's; on traced values they become MLIR.

numpy's and torch's own functions of the same names (np.where, np.exp, torch.where, ...) work on traced values too.
"""

import numpy as np

from .tracing import Value, binary, compare, convert, lift, promote


def _traced(*args):
    return any(isinstance(a, Value) for a in args)


def where(condition, x, y):
    """x where condition holds, else y. Both are evaluated: unlike `if`, it guards nothing."""
    if not _traced(condition, x, y):
        return np.where(condition, x, y)
    condition = convert(condition, "i1")
    x, y, kind = promote(x, y)
    facts = {"bits": max(x.bits, y.bits), "nonneg": x.nonneg and y.nonneg}
    return x.builder.emit(f"arith.select {condition.name}, {x.name}, {y.name} : {kind}", kind, **facts)


def minimum(x, y):
    """min(x, y); NaN if either is NaN."""
    return _extreme("min", x, y, np.minimum)


def maximum(x, y):
    """max(x, y); NaN if either is NaN."""
    return _extreme("max", x, y, np.maximum)


def _extreme(name, x, y, numpy_function):
    if not _traced(x, y):
        return numpy_function(x, y)
    x, y, kind = promote(x, y, "index")
    if kind == "f32":
        return x.builder.emit(f"arith.{name}imumf {x.name}, {y.name} : f32", kind)
    known = any if name == "max" else all
    facts = {"bits": max(x.bits, y.bits), "nonneg": known((x.nonneg, y.nonneg))}
    return x.builder.emit(f"arith.{name}si {x.name}, {y.name} : index", kind, **facts)


def abs(x):  # noqa: A001 - numpy's name
    """|x|, for integers and floats."""
    if not _traced(x):
        return np.abs(x)
    if lift(x).kind == "f32":
        return _unary("absf", x)
    x = convert(x, "index")
    negated = -x
    return x.builder.emit(f"arith.maxsi {x.name}, {negated.name} : index", "index", bits=x.bits, nonneg=True)


def _unary(name, x):
    x = convert(x, "f32")
    return x.builder.emit(f"math.{name} {x.name} : f32", "f32")


def exp(x):
    """e**x, in f32."""
    return _unary("exp", x) if _traced(x) else np.exp(x)


def tanh(x):
    """tanh(x), in f32."""
    return _unary("tanh", x) if _traced(x) else np.tanh(x)


def log(x):
    """Natural logarithm, in f32."""
    return _unary("log", x) if _traced(x) else np.log(x)


def sqrt(x):
    """Square root, in f32."""
    return _unary("sqrt", x) if _traced(x) else np.sqrt(x)


def floor(x):
    """Largest integer not above x, as f32."""
    return _unary("floor", x) if _traced(x) else np.floor(x)


def _logical(op):
    return lambda x, y: binary(op, convert(x, "i1"), convert(y, "i1"))


def _binary(op):
    return lambda x, y: binary(op, x, y)


def _compare(op):
    return lambda x, y: compare(op, x, y)


# numpy's and torch's names.
BY_NAME = {
    "where": where, "minimum": minimum, "maximum": maximum, "absolute": abs, "abs": abs, "exp": exp, "tanh": tanh,
    "log": log, "sqrt": sqrt, "floor": floor, "negative": lambda x: binary("sub", 0, x),
    "logical_not": lambda x: ~convert(x, "i1"), "invert": lambda x: ~x, "bitwise_not": lambda x: ~x,
    **{f"logical_{op}": _logical(op) for op in ("and", "or", "xor")},
    **{f"bitwise_{op}": _binary(op) for op in ("and", "or", "xor")},
    **{name: _binary(op) for name, op in {
        "add": "add", "subtract": "sub", "sub": "sub", "multiply": "mul", "mul": "mul", "divide": "truediv",
        "true_divide": "truediv", "div": "truediv", "floor_divide": "floordiv", "remainder": "mod", "mod": "mod"}.items()},
    **{name: _compare(op) for name, op in {
        "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
        "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne"}.items()},
}
