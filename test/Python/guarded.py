# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays that end, or begin, at a page that nobody may touch: one element too far is a crash instead of a lucky read."""

import ctypes
import mmap

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_READ_WRITE, _NONE = mmap.PROT_READ | mmap.PROT_WRITE, 0


def _protect(address, bytes, protection):
    if _libc.mprotect(address, bytes, protection):
        raise OSError(ctypes.get_errno(), "mprotect")


class _Pages(mmap.mmap):
    """Anonymous memory whose first and last page are closed until it is freed."""

    def __new__(cls, bytes):
        inner = -(-max(bytes, 1) // mmap.PAGESIZE) * mmap.PAGESIZE
        pages = super().__new__(cls, -1, inner + 2 * mmap.PAGESIZE)
        pages.inner = inner
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        _protect(start, mmap.PAGESIZE, _NONE)
        _protect(start + mmap.PAGESIZE + inner, mmap.PAGESIZE, _NONE)
        return pages


def guarded(array, at_end=True):
    """A copy of `array`, with the same order of axes and the same directions, flush with a closed page."""
    order = sorted(range(array.ndim), key=lambda d: -abs(array.strides[d]))
    forward = tuple(slice(None, None, -1 if array.strides[d] < 0 else 1) for d in order)
    packed = np.ascontiguousarray(array.transpose(order)[forward])
    pages = _Pages(packed.nbytes)
    offset = mmap.PAGESIZE + (pages.inner - packed.nbytes if at_end else 0)
    copy = np.frombuffer(pages, packed.dtype, packed.size, offset).reshape(packed.shape)
    copy[...] = packed
    return copy[forward].transpose(np.argsort(order))
