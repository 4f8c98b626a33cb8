# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The rotary embedding of a call: attn.rope in the module text, and the operands that it reads."""

import numpy as np

from .operands import Operand
from .positions import as_positions
from .tracing import Traced


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


def rotate(operands, options, offset):
    """What the rotations' lines are for the types of query, key and value, and what query and key are called after them."""
    rope = options.rope
    if rope is None:
        return lambda types: [], "%query", "%key"
    layout = " layout <bnhd>" if options.layout == "bnhd" else ""

    def line(name, tables, type):
        text = " ".join(f"{what} %{table.ssa}" for what, table in zip(("cos", "sin", "positions"), tables))
        is_offset = offset is not None and name == "query" and len(tables) == 2 and rope.axes is None
        return (f"%rotated_{name} = attn.rope %{name} {text}{f' offset %{offset.ssa}' if is_offset else ''}{pairing(rope)}{layout}"
                f" : {', '.join((type, *(table.type for table in tables)))}")

    sides = sides_of(operands, options)
    return lambda types: [line(name, tables, type) for (name, tables), type in zip(sides.items(), types)], "%rotated_query", "%rotated_key"


def pairing(rope):
    return " pairing <interleaved>" if rope.pairing == "interleaved" else ""


def sides_of(operands, options):
    """Of query and key, the operands that rotate them: cos, sin and, where positions are given, those."""
    return {"query": _tables(operands, options, "query", "Nq", options.query_positions),
            "key": _tables(operands, options, "key", "Nk", options.key_positions)}


def far_sides_of(operands, options):
    """Of query and key, the operands that rotate far pairs; none where they do not turn."""
    rope = options.rope
    sides = {}
    for side in ("query", "key") if rope.slope != 0 else ("query",):
        sides[f"far_{side}"] = [_add(operands, f"far_{side}_{part}", f"tensor<?x{rope.pairs}xf32>", ByDims(_far_table(options, side, n)), ("", ""))
                                for n, part in enumerate(("cos", "sin"))]
    return sides


def is_far(options, operands, i, j):
    """The condition of the region `far`; None: there is one rotation."""
    if options.rope is None or options.rope.window is None:
        return None
    window = operands.add(("rope", "window"), "rope_window", "index", options.rope.window)
    return i - j >= Traced(i.builder, f"%{window.ssa}", "index")


def _tables(operands, options, name, rows, positions):
    rope = options.rope
    parts = tuple(enumerate(("cos", "sin")))
    if rope.axes is not None:  # angles for each token
        type = f"tensor<?x?x{rope.pairs}xf32>"
        return [_add(operands, f"{name}_{part}", type, ByDims(_angles(rope, name, positions, rows, n)), ("B", rows, "")) for n, part in parts]
    tables = [_add(operands, part, f"tensor<?x{rope.pairs}xf32>", ByDims(_table(options, n)), ("P", "")) for n, part in parts]
    if positions is not None:
        tables.append(_add(operands, f"{name}_positions", "tensor<?x?xi64>", ByDims(_positions(rope, name, positions, rows)), ("B", rows)))
    return tables


def _add(operands, name, type, value, dims):
    """One operand for all that ask for this name."""
    return operands.add(("rope", name), f"rope_{name}", type, value, dims, make=TableOperand)


def _positions(rope, name, positions, rows):
    return lambda dims, first: as_positions(positions, f"{name}_positions", rope, (dims.B, getattr(dims, rows)))


def _angles(rope, name, positions, rows, part):
    return lambda dims, first: rope.at(as_positions(positions, f"{name}_positions", rope, (dims.B, getattr(dims, rows))))[part]


def _table(options, part):
    return lambda dims, first: options.rope.table(_reach(options, dims, first))[part]


def _far_table(options, side, part):
    return lambda dims, first: options.rope.far_table(side, _reach(options, dims, first))[part]


def _reach(options, dims, first):
    """Rows of a table for every position of the call."""
    needed = [1]
    for name, positions, last in (("query", options.query_positions, first + dims.Nq), ("key", options.key_positions, dims.Nk)):
        rows = dims.Nq if name == "query" else dims.Nk
        if positions is None:
            needed.append(last)
        elif dims.B and rows:
            needed.append(int(np.max(as_positions(positions, f"{name}_positions", options.rope, (dims.B, rows)))) + 1)
    return max(needed)
