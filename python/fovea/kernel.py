# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled kernels and their plans: compile once, plan once per batch, run once per layer."""

import hashlib
import threading
from typing import NamedTuple

import numpy as np

from .arguments import bind, check_causal, check_positions, check_threads, infer_dims, shape_of
from . import tiles
from .arrays import is_array
from .places import place_of
from .sink import apply_sink, as_sink

_MAX_PLANS = 64           # kept per kernel
_HASHED_BYTES = 1 << 20   # a larger tensor that the mask reads is planned anew in each call
_NAMES = ("query", "key", "value")
_OUTPUT, _FROZEN = 1, 2   # FOVEA_PARAM_OUTPUT, FOVEA_PARAM_FROZEN


class PlanStats(NamedTuple):
    """What a plan found. Key blocks are counted over all tasks; `visited` of `blocks` are computed, the rest is skipped."""

    threads: int
    tasks: int
    blocks: int
    visited: int

    @property
    def skipped(self):
        return self.blocks - self.visited


class Plan:
    """One batch's shapes, lengths, offsets and mask data, ready to run; made by `Kernel.plan`.

    Immutable and thread-safe: all layers of a batch share it, and several threads may run it at once. Tensors that the
    mask reads are copied into the plan, so they may change afterwards without effect on it.
    """

    def __init__(self, kernel, dims, values, threads, keep=True, device=-1, stream=0):
        shapes = [dims_shape(kernel.options, dims, which) for which in kernel.names]
        results = [dims_shape(kernel.options, dims, which) for which in ("out", "lse")[:1 + kernel.options.needs_lse]]
        self.kernel, self.dims, self.device = kernel, dims, device
        # Of what the mask reads, the plan has its own copy, on the device that the kernel runs on.
        values = [kernel.place.operand(np.array(v), device) if n in kernel.frozen else v for n, v in enumerate(values)]
        given = [v.shape if isinstance(v, np.ndarray) and device >= 0 else v for v in values]
        self._native = _native().Plan(kernel._module, [*shapes, *given, *results], threads, device, stream)
        # A plan that is kept in a cache gets the other values with each run, and must not keep them alive.
        self.values = [v if keep or n in kernel.frozen else None for n, v in enumerate(values)]
        self.stats = PlanStats(*self._native.stats)

    def run(self, query, key, value, *, out=None, sink=None, params=None, stream=None):
        """Attention on the planned shapes; see `fovea.attention` for shapes and results, and for `stream`.

        sink: this layer's, for a kernel that was compiled with one; None: the one it was compiled with.
        params: this layer's values by name (of query_norm, or of an array that a score reads), where the plan has not looked at them.
        ValueError: a shape differs from the plan's. TypeError: not float32 on the CPU, or not 16-bit floats on the GPU.
        """
        place = self.kernel.place
        handle = place.stream(stream, (query, key, value))
        return self._run(place.inputs((query, key, value), _NAMES, stream), self._values(params), out, sink, handle)

    def _values(self, params):
        if not params:
            return self.values
        operands, values = self.kernel._operands, list(self.values)
        numbers = {operand.name: n for n, operand in enumerate(operands)}
        first = next((v for o, v in zip(operands, values) if o.name == "q_offset"), 0)
        for name, value in params.items():
            if name not in numbers:
                raise ValueError(f"params: the kernel has no parameter {name!r}; it has {', '.join(numbers) or 'none'}")
            n = numbers[name]
            if n in self.kernel.frozen:
                raise ValueError(f"params: the plan has looked at {name!r} already; make another plan")
            values[n] = operands[n].check(value)
            for rule in operands[n].rules:
                rule.check(values[n], self.dims, first)
        return values

    def _run(self, inputs, values, out, sink=None, stream=0):
        options, place = self.kernel.options, self.kernel.place
        sink = as_sink(sink, options, self.dims)
        values = [mine if n in self.kernel.frozen else new for n, (mine, new) in enumerate(zip(self.values, values))]
        values = [place.operand(value, self.device) for value in values]
        arrays, result = place.outputs(out, self.dims, options, inputs, stream)
        self._native.run([*(getattr(a, "native", a) for a in inputs), *values, *arrays], stream)
        if sink is not None:
            apply_sink(*arrays, sink, options.layout)
        return result

    def tile_map(self, b=0, h=0, *, tile=None):
        """Which tiles of head h of sequence b are skipped, masked and full; see `fovea.TileMap`.

        tile: (rows, keys) of a tile; None: about 32 x 64 tiles, whatever the size. IndexError: no such sequence or head.
        """
        return tiles.make(self._native, b, h, tile)

    def __repr__(self):
        return f"<fovea.Plan {self.dims}, {self.stats}>"


class Kernel:
    """One compiled attention; made by `fovea.compile`.

    mlir           the module text it was compiled from
    compile_times  milliseconds per phase (context, parse, passes, translate, optimize, codegen, link, total)
    target         for example "host"
    """

    names = _NAMES

    def __init__(self, program, options, dims, target):
        self.mlir, self.target, self.options = program.mlir, target, options
        self._dims, self._operands, self._nonneg_offset = dims, program.operands, program.nonneg_offset
        self.place = place_of(target)
        if self.place.device >= 0 and options.sink is not None:
            raise ValueError("sink: it is computed on the CPU, after the kernel, which has no form for GPUs yet")
        self._module = _native().Module(program.mlir, target, "<fovea>")
        self.compile_times = self._module.compile_times
        params = self._module.params
        # Parameters: query, key, value, the operands, the outputs.
        self.frozen = frozenset(n for n in range(len(self._operands)) if params[n + len(self.names)].flags & _FROZEN)
        self._plans, self._lock = {}, threading.Lock()

    def plan(self, query, key, value, *, threads=None, q_offset=None, kv_len=None, window=None, additive=None, params=None, stream=None):
        """Validates and fixes the work for one batch; see `Plan`.

        query, key, value: arrays, or just their shapes. threads: None means one per hardware thread; the result is bit
        for bit the same for every number; a GPU has none. stream: what the plan waits for, as in `fovea.attention`. The others replace the values that the kernel was compiled with.
        ValueError: shapes that disagree with each other or with the kernel's static sizes, a missing or unknown value.
        """
        shapes = [shape_of(a, n) for a, n in zip((query, key, value), _NAMES)]
        dims, values = self._prepare(shapes, {"q_offset": q_offset, "kv_len": kv_len, "window": window, "additive": additive}, params)
        known = self.place.inputs((query, key, value), _NAMES, stream) if self.place.device >= 0 and is_array(query) else ()
        device = known[0].device if known else self.place.device
        return Plan(self, dims, values, check_threads(threads), device=device,
                    stream=self.place.stream(stream, [t.origin for t in known]))

    def tile_map(self, query, key, value, b=0, h=0, *, tile=None, **values):
        """`Plan.tile_map` for these arrays or shapes; `values` as for `plan`."""
        return self.plan(query, key, value, **values).tile_map(b, h, tile=tile)

    def explain(self):
        """What the compiler decided and proved, a line each, for people: the schedule and why, the keys that rows [i0, i1) see
        as formulas, whether every row sees a key, what it could not see through. Compiles once more.
        """
        names = {"passed": "decided", "analysis": "found", "missed": "not", "failure": "WRONG"}
        remarks = _native().Module(self.mlir, self.target, "<fovea>", remarks=True).remarks
        order = list(names)
        return "\n".join(f"{names[kind]:9} {name}: {text}" for kind, name, text in sorted(remarks, key=lambda r: order.index(r[0])))

    def __call__(self, query, key, value, *, out=None, threads=None, q_offset=None, kv_len=None, window=None, additive=None, sink=None,
                 params=None, stream=None):
        """Plans (or takes a plan made before for equal shapes, scalars and mask data) and runs."""
        handle = self.place.stream(stream, (query, key, value))
        inputs = self.place.inputs((query, key, value), _NAMES, stream)
        dims, values = self._prepare([a.shape for a in inputs],
                                     {"q_offset": q_offset, "kv_len": kv_len, "window": window, "additive": additive}, params)
        return self._execute(inputs, dims, values, out, threads, sink, handle)

    def _prepare(self, shapes, given, params):
        dims = infer_dims(*shapes, self.options.layout)
        check_causal(self.options, dims)
        values = bind(self._operands, given, params, dims)
        offset = next((v for o, v in zip(self._operands, values) if o.name == "q_offset"), 0)
        check_positions(dims, offset)
        if self._nonneg_offset and offset < 0:
            raise ValueError(f"q_offset: the kernel was compiled for offsets >= 0, got {offset}; "
                             "compile with a negative q_offset instead")
        return dims, values

    def _execute(self, inputs, dims, values, out, threads, sink, stream=0):
        device = inputs[0].device if self.place.device >= 0 else -1
        return self._cached_plan(dims, values, check_threads(threads), device, stream)._run(inputs, values, out, sink, stream)

    def _cached_plan(self, dims, values, threads, device, stream):
        key = self._plan_key(dims, values, (threads, device))
        plan = self._plans.get(key) if key else None
        if plan is None:
            plan = Plan(self, dims, values, threads, keep=False, device=device, stream=stream)
            with self._lock:
                if key and len(self._plans) >= _MAX_PLANS:
                    self._plans.pop(next(iter(self._plans)))
                if key:
                    self._plans[key] = plan
        return plan

    def _plan_key(self, dims, values, workers):
        """What a plan depends on; None when it reads a tensor too large to compare by content."""
        key = [dims, workers]
        for n, value in enumerate(values):
            if not isinstance(value, np.ndarray):
                key.append(value.hex() if isinstance(value, float) else value)  # 0.0 and -0.0 differ
                continue
            key.append(value.shape)
            if n in self.frozen:
                if value.nbytes > _HASHED_BYTES:
                    return None
                key.append(hashlib.blake2b(value.tobytes(), digest_size=16).digest())
        return tuple(key)

    def __repr__(self):
        return f"<fovea.Kernel {self._dims} for {self.target}>"


def dims_shape(options, dims, which):
    """The shape of one tensor of the call."""
    if which == "lse":
        return (dims.B, dims.Hq, dims.Nq)
    if which == "key_up":
        return (dims.Hq, dims.Dnope, dims.Dc)
    if which == "value_up":
        return (dims.Hq, dims.Dv, dims.Dc)
    if which == "cache":
        return (dims.B, 1, dims.Nk, dims.Dcache) if options.layout == "bhnd" else (dims.B, dims.Nk, 1, dims.Dcache)
    h, n, d = {"query": (dims.Hq, dims.Nq, dims.Dk), "key": (dims.Hkv, dims.Nk, dims.Dk),
               "value": (dims.Hkv, dims.Nk, dims.Dv), "out": (dims.Hq, dims.Nq, dims.Dv)}[which]
    return (dims.B, h, n, d) if options.layout == "bhnd" else (dims.B, n, h, d)


def _native():
    from . import _fovea  # loads the compiler: only when something is compiled
    return _fovea
