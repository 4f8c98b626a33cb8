# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a kernel runs and what it takes there: numpy views on the CPU, DLPack tensors on a GPU."""

import sys

import numpy as np

from .arguments import out_shapes, outputs
from .arrays import as_float32

_CUDA_DEVICE = 2  # kDLCUDA
_ELEMENTS = {(2, 16): "f16", (4, 16): "bf16", (2, 32): "f32"}  # by DLPack's code and bits
_NAMES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}


def place_of(target):
    """Where kernels for a target run."""
    return Gpu(target) if target.startswith("cuda:") else Cpu()


class Cpu:
    """Arrays are read where they lie."""

    device = -1

    def inputs(self, arrays, names, stream=None):
        if stream is not None:
            raise ValueError("stream: only a GPU has streams; the call returns when the result is there")
        return [as_float32(a, n) for a, n in zip(arrays, names)]

    def element(self, inputs, dtype=None):
        if dtype not in (None, "float32"):
            raise TypeError(f"dtype: {dtype!r} is not supported on CPUs yet; float32 works now")
        return "f32"

    def stream(self, given, inputs):
        return 0

    def operand(self, value, device):
        return value

    def outputs(self, out, dims, options, inputs, stream):
        return outputs(out, dims, options)


class Tensor:
    """One tensor on a GPU: what the kernel gets (`native`) and what the caller gave (`origin`)."""

    def __init__(self, value, name, stream):
        if not hasattr(value, "__dlpack__") or not hasattr(value, "__dlpack_device__"):
            raise TypeError(f"{name}: expected a CUDA tensor with __dlpack__, got {type(value).__name__}")
        kind = int(value.__dlpack_device__()[0])
        if kind != _CUDA_DEVICE:
            raise TypeError(f"{name}: the memory is not that of a CUDA GPU (DLPack device type {kind}), where the kernel runs; "
                            "copy it there first, with .cuda() for example, or compile for the CPU")
        if getattr(value, "requires_grad", False):
            raise TypeError(f"{name}: the tensor requires a gradient, which fovea does not compute; pass {name}.detach()")
        from . import _fovea
        # DLPack: the library makes the stream that we name wait for what it has still to write. 1 is the default stream.
        self.native = _fovea.DeviceTensor(value.__dlpack__(stream=stream or 1))
        self.origin, self.shape, self.device = value, self.native.shape, self.native.device_id

    @property
    def element(self):
        return _ELEMENTS.get(self.native.dtype)


class Gpu:
    """Tensors stay on their device; the kernel is launched on a stream of the caller's and nothing waits for it."""

    device = 0

    def __init__(self, target):
        self.target = target

    def inputs(self, arrays, names, stream=None):
        handle = self.stream(stream, arrays)
        tensors = [Tensor(a, n, handle) for a, n in zip(arrays, names)]
        for tensor, name in zip(tensors, names):
            if tensor.element not in ("f16", "bf16"):
                raise TypeError(f"{name}: GPU kernels take float16 and bfloat16, this is "
                                f"{_NAMES.get(tensor.element, 'another type')}; convert it with .half() or .bfloat16()")
            if tensor.element != tensors[0].element:
                raise TypeError(f"{name} is {_NAMES[tensor.element]}, but {names[0]} is {_NAMES[tensors[0].element]}")
        return tensors

    def element(self, inputs, dtype=None):
        """The MLIR type of the elements, of tensors or by name where only shapes are known."""
        found = {"float16": "f16", "bfloat16": "bf16"}.get(str(dtype).rpartition(".")[2]) if dtype is not None else None
        if dtype is not None and found is None:
            raise TypeError(f"dtype: expected 'float16' or 'bfloat16' for {self.target}, got {dtype!r}")
        if inputs and found and inputs[0].element != found:
            raise TypeError(f"dtype: {_NAMES[found]} was asked for, but the tensors are {_NAMES[inputs[0].element]}")
        if not inputs and not found:
            raise TypeError(f"dtype: {self.target} has kernels for 'float16' and 'bfloat16'; pass one of them with shapes")
        return inputs[0].element if inputs else found

    def stream(self, given, inputs):
        """The CUstream as a number: as given, or the current one of the tensors' library, or the default stream."""
        if given is None:
            return _current_stream(inputs[0]) if inputs else 0
        if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
            return given
        if hasattr(given, "__cuda_stream__"):  # (version, handle)
            return int(given.__cuda_stream__()[1])
        for attribute in ("cuda_stream", "ptr"):  # torch's, cupy's
            if isinstance(getattr(given, attribute, None), int):
                return getattr(given, attribute)
        raise TypeError(f"stream: expected a CUDA stream or its address, got {given!r}")

    def operand(self, value, device):
        """Arrays that masks and scores read are brought to the device; numbers stay what they are."""
        if not isinstance(value, np.ndarray):
            return value
        from . import _fovea
        return Tensor(_fovea.upload(np.ascontiguousarray(value), device), "operand", 0).native

    def outputs(self, out, dims, options, inputs, stream):
        """As `arguments.outputs`; new tensors are made by the library that the query is from."""
        pair = isinstance(out, (tuple, list))
        if pair and not (options.return_lse and len(out) == 2):
            raise ValueError("out: expected one tensor" + (" or a pair (out, lse)" if options.return_lse else ""))
        given = [*(out if pair else [out]), None]
        natives, results = [], []
        for (name, shape), target in zip(out_shapes(dims, options).items(), given):
            element = inputs[0].element if name == "out" else "f32"
            target = _empty_like(inputs[0].origin, name, shape, element) if target is None else target
            tensor = Tensor(target, name, stream)
            if tensor.shape != shape or tensor.element != element:
                raise ValueError(f"{name}: expected {_NAMES[element]} {shape}, "
                                 f"got {_NAMES.get(tensor.element, 'another type')} {tensor.shape}")
            natives.append(tensor.native)
            results.append(target)
        return natives, tuple(results) if options.return_lse else results[0]


def _library(tensor):
    """The module of a tensor's library, if it is one that streams and new tensors are known of."""
    name = type(tensor).__module__.partition(".")[0]
    return sys.modules.get(name) if name in ("torch", "cupy") else None


def _current_stream(tensor):
    library = _library(tensor)
    if library is None:
        return 0
    if library.__name__ == "torch":
        return library.cuda.current_stream(tensor.device).cuda_stream if tensor.is_cuda else 0
    return library.cuda.get_current_stream().ptr


def _empty_like(tensor, name, shape, element):
    library = _library(tensor)
    if library is None:
        raise ValueError(f"{name}: a tensor of {type(tensor).__module__}.{type(tensor).__name__} cannot be made here; pass one to "
                         f"write, with {name}=... ({_NAMES[element]} {shape})")
    if library.__name__ == "torch":
        return library.empty(shape, dtype=getattr(library, _NAMES[element]), device=tensor.device)
    return library.empty(shape, dtype=_NAMES[element])
