# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the text of a traced region on numbers, so that the tracer is tested without the compiler."""

import re

import numpy as np

from fovea import module

DIMS = module.Dims(2, 4, 4, 33, 33, 32, 32)


def trace(mask_mod=None, score_mod=None, **options):
    return module.emit(module.Options(mask_mod=mask_mod, score_mod=score_mod, **options), DIMS)


def body(program, keyword):
    """The lines of one region, without the yield, and the yielded name."""
    text = re.search(rf"    {keyword} \(.*?\) {{\n(.*?)\n    }}", program.mlir, re.S).group(1)
    *lines, last = [line.strip() for line in text.splitlines()]
    return lines, re.fullmatch(r"attn\.yield (%\w+) : \w+", last).group(1)


def evaluate(program, keyword, b=0, h=0, i=0, j=0, s=0.0):
    env = {"%b": b, "%h": h, "%i": i, "%j": j, "%s": np.float32(s)}
    for o in program.operands:
        env[f"%{o.ssa}"] = o.value if not o.is_tensor else np.asarray(o.check(o.value))
        if o.type == "f32":
            env[f"%{o.ssa}"] = np.float32(o.value)
    lines, result = body(program, keyword)
    for line in lines:
        name, expression = line.split(" = ", 1)
        env[name] = _operation(expression, env)
    return env[result]


def _operation(text, env):
    op, rest = text.split(" ", 1)
    rest, _, types = rest.rpartition(" : ") if " : " in rest else (rest, "", "")
    if op == "arith.constant":
        return {"true": True, "false": False}.get(rest) if rest in ("true", "false") else _number(rest, types)
    if op == "tensor.extract":
        tensor, index = re.fullmatch(r"(%\w+)\[(.*)\]", rest).groups()
        value = env[tensor][tuple(env[n] for n in index.split(", "))]
        return value.item() if value.dtype.kind in "ib" else value
    words = rest.split(", ")
    predicate = words.pop(0) if op.startswith("arith.cmp") else None
    x = [env[w] for w in words]
    if predicate:
        return bool(_COMPARE["ne" if predicate == "une" else predicate.lstrip("so")](*x))
    if op == "arith.sitofp":
        return np.float32(x[0])
    if op == "arith.index_castui":
        return x[0] % 2 ** int(types.split()[0][1:])
    return _OPERATIONS[op](*x)


def _number(text, type):
    if type != "f32":
        return int(text)
    return np.uint32(int(text, 16)).view(np.float32) if text.startswith("0x") else np.float32(text)


_COMPARE = {"lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
            "eq": lambda a, b: a == b, "ne": lambda a, b: a != b}


def _remui(a, b):
    assert a >= 0 and b > 0, "remui is only right for non-negative values"
    return a % b


_OPERATIONS = {
    "arith.addi": lambda a, b: a + b, "arith.subi": lambda a, b: a - b, "arith.muli": lambda a, b: a * b,
    "arith.floordivsi": lambda a, b: a // b, "arith.remui": _remui, "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b, "arith.xori": lambda a, b: a ^ b, "arith.shli": lambda a, b: a << b,
    "arith.shrsi": lambda a, b: a >> b, "arith.minsi": min, "arith.maxsi": max,
    "arith.addf": lambda a, b: a + b, "arith.subf": lambda a, b: a - b, "arith.mulf": lambda a, b: a * b,
    "arith.divf": lambda a, b: a / b, "arith.negf": lambda a: -a, "arith.minimumf": np.minimum, "arith.maximumf": np.maximum,
    "arith.select": lambda c, a, b: a if c else b, "arith.index_cast": lambda a: a, "arith.truncf": np.float32,
    "arith.fptosi": int, "math.exp": np.exp, "math.tanh": np.tanh, "math.log": np.log,
    "math.sqrt": np.sqrt, "math.absf": np.abs, "math.floor": np.floor,
}
