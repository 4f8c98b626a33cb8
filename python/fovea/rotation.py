# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rotary embedding of a call: attn.rope in the module text, and the operands that it reads."""

import numpy as np

from .operands import Operand
from .positions import as_positions


class ByDims:
    """A value that depends on the sizes of a call: make(dims, q_offset)."""

    def __init__(self, make):
        self.make = make

    def __call__(self, dims, q_offset):
        return self.make(dims, q_offset)


class TableOperand(Operand):
    """An operand whose type is known beforehand: tables have a static number of pairs."""

    def check(self, value):
        return value if value is not None else super().check(value)


def rotate(operands, options, dims, offset):
    """What the rotations' lines are for the types of query, key and value, and what query and key are called after them."""
    rope = options.rope
    if rope is None:
        return lambda types: [], "%query", "%key"
    sides = {"query": ("B", "Nq", options.query_positions), "key": ("B", "Nk", options.key_positions)}
    clauses = {name: _clauses(operands, rope, name, side, options, offset) for name, side in sides.items()}
    pairing = " pairing <interleaved>" if rope.pairing == "interleaved" else ""
    layout = " layout <bnhd>" if options.layout == "bnhd" else ""

    def lines(types):
        return [f"%rotated_{name} = attn.rope %{name} {text}{pairing}{layout} : {', '.join((type, *tables))}"
                for (name, (text, tables)), type in zip(clauses.items(), types)]

    return lines, "%rotated_query", "%rotated_key"


def _clauses(operands, rope, name, side, options, offset):
    """The operands of one attn.rope as text, and their types."""
    batch, rows, positions = side
    if rope.axes is not None:  # angles for each token
        type = f"tensor<?x?x{rope.pairs}xf32>"
        cos, sin = (_add(operands, f"{name}_{part}", type, ByDims(_angles(rope, name, positions, rows, n)), (batch, rows, ""))
                    for n, part in enumerate(("cos", "sin")))
        return f"cos %{cos.ssa} sin %{sin.ssa}", (type, type)
    type = f"tensor<?x{rope.pairs}xf32>"
    cos, sin = (_add(operands, part, type, ByDims(_table(options, n)), ("P", "")) for n, part in enumerate(("cos", "sin")))
    text, types = f"cos %{cos.ssa} sin %{sin.ssa}", (type, type)
    if positions is not None:
        given = _add(operands, f"{name}_positions", "tensor<?x?xi64>", ByDims(_positions(rope, name, positions, rows)), (batch, rows))
        return f"{text} positions %{given.ssa}", (*types, "tensor<?x?xi64>")
    return text + (f" offset %{offset.ssa}" if offset is not None and name == "query" else ""), types


def _add(operands, name, type, value, dims):
    """One operand for all that ask for this name."""
    return operands.add(("rope", name), f"rope_{name}", type, value, dims, make=TableOperand)


def _positions(rope, name, positions, rows):
    return lambda dims, first: as_positions(positions, f"{name}_positions", rope, (dims.B, getattr(dims, rows)))


def _angles(rope, name, positions, rows, part):
    return lambda dims, first: rope.at(as_positions(positions, f"{name}_positions", rope, (dims.B, getattr(dims, rows))))[part]


def _table(options, part):
    """Long enough for every position of the call."""
    def make(dims, first):
        needed = [1]
        for name, positions, last in (("query", options.query_positions, first + dims.Nq), ("key", options.key_positions, dims.Nk)):
            rows = dims.Nq if name == "query" else dims.Nk
            if positions is None:
                needed.append(last)
            elif dims.B and rows:
                needed.append(int(np.max(as_positions(positions, f"{name}_positions", options.rope, (dims.B, rows)))) + 1)
        return options.rope.table(max(needed))[part]
    return make
