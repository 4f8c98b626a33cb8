# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Replaces the arrays that a function captures by stand-ins that can be indexed by traced positions.

numpy's own indexing insists on real integers, so `doc[q_idx]` cannot be intercepted from outside. Instead the function is
rebuilt, with the same code, over closure cells, globals and defaults in which each array is an `operands.Captured`.
Functions found there (masks combined of masks) are rebuilt as well.
"""

import functools
import sys
import types

from .arrays import is_array
from .operands import Captured
from .tracing import Value

# Libraries are left as they are: their functions work on traced values through the numpy and torch protocols.
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"fovea", "numpy", "torch", "jax"}


def instrument(function):
    """`function`, with captured arrays replaced; the original when it captures none."""
    return _replace("mask", function, {})


def _replace(name, value, memo):
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, Value):
        return value
    if is_array(value):
        result = Captured(name if name.isascii() else "array", value)
    elif isinstance(value, types.FunctionType):
        return _function(value, memo)
    elif isinstance(value, functools.partial):
        result = functools.partial(_replace(name, value.func, memo), *(_replace(name, a, memo) for a in value.args),
                                   **{k: _replace(k, a, memo) for k, a in value.keywords.items()})
    elif type(value) in (tuple, list):
        items = [_replace(name, item, memo) for item in value]
        if all(new is old for new, old in zip(items, value)):
            return value
        result = type(value)(items)
    else:
        return value
    memo[id(value)] = result
    return result


def _function(function, memo):
    module = (getattr(function, "__module__", None) or "").partition(".")[0]
    if module in _LIBRARIES and module != "__main__":
        return function
    # Entered before its captures, so that functions which refer to each other end.
    scope = dict(function.__globals__)
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    result = types.FunctionType(function.__code__, scope, function.__name__, None, cells or None)
    memo[id(function)] = result
    for name, old, new in zip(function.__code__.co_freevars, function.__closure__ or (), cells):
        try:
            new.cell_contents = _replace(name, old.cell_contents, memo)
        except ValueError:  # a variable that is not assigned yet
            pass
    for name in sorted(_names(function.__code__)):
        if name in scope:
            scope[name] = _replace(name, scope[name], memo)
    parameters = function.__code__.co_varnames[:function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    result.__defaults__ = tuple(
        _replace(name, value, memo) for name, value in zip(parameters[len(parameters) - len(defaults):], defaults)) or None
    if function.__kwdefaults__:
        result.__kwdefaults__ = {name: _replace(name, value, memo) for name, value in function.__kwdefaults__.items()}
    return result


def _names(code):
    """Global names that `code` and the functions defined inside it may read."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
