# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays of any framework as numpy views, without copies, and the dtypes that regions may read."""

from typing import NamedTuple

import numpy as np

_CPU_DEVICE = 1  # kDLCPU


class Element(NamedTuple):
    """How a captured numpy dtype travels: the MLIR element, the dtype of the view that is passed, and its integer range."""

    mlir: str
    view: str
    kind: str  # "bool", "int", "uint" or "float"
    bits: int  # |x| < 2**bits for integers


ELEMENTS = {
    # i8 rather than i1: a boolean array is one byte per element.
    "bool": Element("i8", "int8", "bool", 1),
    "int8": Element("i8", "int8", "int", 8),
    "int16": Element("i16", "int16", "int", 16),
    "int32": Element("i32", "int32", "int", 32),
    "int64": Element("i64", "int64", "int", 64),
    "uint8": Element("i8", "int8", "uint", 8),
    "uint16": Element("i16", "int16", "uint", 16),
    "uint32": Element("i32", "int32", "uint", 32),
    "float32": Element("f32", "float32", "float", 0),
    "float64": Element("f64", "float64", "float", 0),
}

_BY_DTYPE = {np.dtype(name): element for name, element in ELEMENTS.items()}  # native byte order only


def is_array(value):
    """numpy arrays and whatever speaks DLPack. numpy scalars are constants, not arrays."""
    return isinstance(value, np.ndarray) or (
        hasattr(value, "__dlpack__") and not isinstance(value, (np.generic, type)))


def as_array(value, name, writable=False):
    """`value` as a numpy view of the same memory.

    TypeError: not an array, not in CPU memory, or a dtype numpy cannot name (bfloat16).
    """
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name}: a masked array's own mask would be ignored; pass {name}.data, and say what is hidden "
                        "with mask_mod or kv_len")
    if isinstance(value, np.ndarray):
        array = value
    elif hasattr(value, "__dlpack__"):
        array = _from_dlpack(value, name)
    else:
        raise TypeError(f"{name}: expected a numpy array or a CPU tensor with __dlpack__, got {type(value).__name__}")
    if writable and not array.flags.writeable:
        raise ValueError(f"{name}: the array is read-only")
    return array


def _from_dlpack(value, name):
    device = value.__dlpack_device__()[0] if hasattr(value, "__dlpack_device__") else _CPU_DEVICE
    if int(device) != _CPU_DEVICE:
        raise TypeError(f"{name}: the tensor is on a device (DLPack device type {int(device)}); "
                        "float32 in CPU memory works now, copy it with .cpu()"
                        + (", or compile for its GPU, with target='cuda:sm_90' for example" if int(device) == 2 else ""))
    if "bfloat16" in str(getattr(value, "dtype", "")):
        raise TypeError(f"{name}: bfloat16 is not supported yet; float32 on the CPU works now, convert with .float()")
    if getattr(value, "requires_grad", False):
        raise TypeError(f"{name}: the tensor requires a gradient, which fovea does not compute; pass {name}.detach()")
    if not hasattr(value, "__array_interface__") and type(value).__module__.partition(".")[0] == "torch":
        return value.numpy()  # shares memory like DLPack, and stays writable
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(f"{name}: cannot view the tensor through DLPack: {error}") from error


def as_float32(value, name, writable=False):
    """A float32 view, or a TypeError that says what works."""
    array = as_array(value, name, writable)
    if array.dtype != np.float32 or not array.dtype.isnative:
        raise TypeError(f"{name}: dtype {array.dtype} is not supported yet; float32 on the CPU works now, "
                        "convert with .astype(numpy.float32)")
    check_strides(array, name)
    return array


def check_strides(array, name):
    """Strides of any sign, in whole elements, from an aligned start: what the runtime can address."""
    flags = array.flags
    if not flags.aligned or not flags.c_contiguous and any(stride % array.itemsize for stride in array.strides):
        raise ValueError(f"{name}: the data is not aligned to whole {array.dtype} elements (strides {array.strides} bytes); "
                         "pass numpy.ascontiguousarray(...)")


def as_captured(value, name):
    """A captured array as the view that is passed to the kernel, and its Element."""
    array = as_array(value, name)
    element = _BY_DTYPE.get(array.dtype)
    if element is None:
        raise TypeError(f"captured array {name!r}: dtype {array.dtype} is not supported; use one of {', '.join(ELEMENTS)}")
    if array.ndim > 6:
        raise ValueError(f"captured array {name!r}: rank {array.ndim} is more than 6")
    check_strides(array, name)
    return array.view(element.view), element
