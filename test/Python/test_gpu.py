# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors on a GPU that is none: the fake driver of test/FakeDriver, in processes of their own.

Nothing here can be right without the kernel: the fake driver executes its launches in the simulator, from the text that
FOVEA_FAKE_SOURCE names.
"""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import fovea

PACKAGES = pathlib.Path(fovea.__path__[0]).resolve().parent
FAKE = PACKAGES.parent / "test" / "FakeDriver"

pytestmark = pytest.mark.skipif(not (FAKE / "libcuda.so.1").exists(), reason="the fake driver is not built")

PRELUDE = """
import sys
import numpy as np
import fovea
from fovea import _fovea

class Array:
    # A tensor of some library, on a GPU.

    def __init__(self, array, bfloat16=False):
        self.tensor, self.shape, self.streams = _fovea.upload(np.ascontiguousarray(array), 0, bfloat16), array.shape, []

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()

    def __dlpack__(self, *, stream=None):
        self.streams.append(stream)
        return self.tensor.__dlpack__()

on_gpu = Array

def host(tensor, dtype):
    native = _fovea.DeviceTensor(tensor.__dlpack__())
    return np.frombuffer(_fovea.download(native), dtype).reshape(native.shape)

rng = np.random.default_rng(0)
q, k, v = (rng.standard_normal((1, 2, n, 64)).astype(np.float16) for n in (40, 70, 70))
tensors = [on_gpu(a) for a in (q, k, v)]

def causal(i, j):
    return i + 30 >= j

def reference(keep):
    s = np.einsum("bhid,bhjd->bhij", *(a.astype(np.float64) for a in (q, k))) / 8
    s[:, :, ~keep(np.arange(40)[:, None], np.arange(70))] = -np.inf
    p = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("bhij,bhjd->bhid", p / p.sum(-1, keepdims=True), v.astype(np.float64))

def refused(error, match, call):
    try:
        call()
    except error as reason:
        assert match in str(reason), str(reason)
    else:
        raise AssertionError(f"not refused: {match}")
"""


def run(body, tmp_path):
    """A program on the fake driver; the text that it writes to kernel.mlir is what launches execute."""
    script = tmp_path / "script.py"
    script.write_text(PRELUDE + textwrap.dedent(body))
    variables = dict(os.environ, PYTHONPATH=str(PACKAGES), LD_LIBRARY_PATH=str(FAKE), FOVEA_FAKE_SOURCE=str(tmp_path / "kernel.mlir"))
    done = subprocess.run([sys.executable, script], env=variables, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_computes(tmp_path):
    run("""
        kernel = fovea.compile(like=tensors, is_causal=True, q_offset=30, target="cuda:sm_80", return_lse=True)
        open("kernel.mlir", "w").write(kernel.mlir)
        out, lse = on_gpu(np.zeros_like(q)), on_gpu(np.zeros((1, 2, 40), np.float32))
        assert kernel(*tensors, out=(out, lse)) == (out, lse)
        expected = reference(causal)
        np.testing.assert_allclose(host(out, np.float16), expected, atol=2e-3)
        assert np.isfinite(host(lse, np.float32)).all()

        plan = kernel.plan(*tensors)
        assert plan.stats.threads == 1
        again = on_gpu(np.zeros_like(q))
        plan.run(*tensors, out=(again, lse), stream=0)
        np.testing.assert_array_equal(host(again, np.float16), host(out, np.float16))
        assert kernel.plan(q.shape, k.shape, v.shape).stats.tasks == plan.stats.tasks
        assert "cuda:sm_80" in repr(kernel) and kernel.tile_map(q.shape, k.shape, v.shape) is not None
    """, tmp_path)


def test_arrays_of_masks_are_copied(tmp_path):
    run("""
        document = np.arange(70) // 20
        kernel = fovea.compile(like=[a.shape for a in (q, k, v)], dtype="float16", target="cuda:sm_80", q_offset=30,
                               mask_mod=lambda b, h, i, j: document[i] == document[j])
        open("kernel.mlir", "w").write(kernel.mlir)
        out = on_gpu(np.zeros_like(q))
        kernel(*tensors, out=out)
        expected = reference(lambda i, j: (i + 30) // 20 == j // 20)
        np.testing.assert_allclose(host(out, np.float16), expected, atol=2e-3)
    """, tmp_path)


def test_bfloat16_by_attention(tmp_path):
    """fovea.attention keeps one kernel per element type."""
    run("""
        half = [on_gpu((a.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16), True) for a in (q, k, v)]
        kernel = fovea.compile(like=half, target="cuda:sm_80")
        assert "xbf16>" in kernel.mlir
        open("kernel.mlir", "w").write(kernel.mlir)
        out = on_gpu(np.zeros(q.shape, np.uint16), True)
        assert fovea.attention(*half, target="cuda:sm_80", out=out) is out
        values = (host(out, np.uint16).astype(np.uint32) << 16).view(np.float32)
        np.testing.assert_allclose(values, reference(lambda i, j: i >= -j), atol=3e-2)
        fovea.attention(*tensors, target="cuda:sm_80", out=on_gpu(np.zeros_like(q)))
        assert fovea.cache_info().kernels == 2
    """, tmp_path)


def test_streams(tmp_path):
    """The producer is told which stream the kernel runs on."""
    run("""
        class Stream:
            ptr = 77

        kernel = fovea.compile(like=[a.shape for a in (q, k, v)], dtype="float16", target="cuda:sm_80")
        open("kernel.mlir", "w").write(kernel.mlir)
        out = on_gpu(np.zeros_like(q))
        plan = kernel.plan(q.shape, k.shape, v.shape)
        for stream, told in ((None, 1), (0, 1), (1234, 1234), (Stream(), 77)):
            plan.run(*tensors, out=out, stream=stream)
            assert [t.streams[-1] for t in tensors] == [told] * 3, (stream, tensors[0].streams)
        refused(TypeError, "stream: expected a CUDA stream or its address", lambda: plan.run(*tensors, out=out, stream="0"))
        refused(ValueError, "stream: only a GPU has streams", lambda: fovea.attention(*(a.astype(np.float32) for a in (q, k, v)), stream=1))
    """, tmp_path)


def test_refusals(tmp_path):
    run("""
        compute = lambda *t, **o: fovea.attention(*t, target="cuda:sm_80", **o)
        refused(TypeError, "query: the memory is not that of a CUDA GPU", lambda: compute(q, k, v))
        refused(TypeError, "or compile for its GPU", lambda: fovea.attention(*tensors))
        wide = [on_gpu(a.astype(np.float32)) for a in (q, k, v)]
        refused(TypeError, "GPU kernels take float16 and bfloat16, this is float32", lambda: compute(*wide))
        refused(TypeError, "key is bfloat16, but query is float16",
                lambda: compute(tensors[0], on_gpu(k.view(np.uint16), True), tensors[2]))
        refused(ValueError, "cannot be made here; pass one to write, with out=... (float16 (1, 2, 40, 64))",
                lambda: compute(*tensors))
        refused(ValueError, "out: expected float16 (1, 2, 40, 64), got float16 (1, 2, 70, 64)",
                lambda: compute(*tensors, out=on_gpu(np.zeros_like(v))))
        refused(ValueError, "sink: it is computed on the CPU",
                lambda: compute(*tensors, sink=1.0, out=on_gpu(np.zeros_like(q))))
        shapes = [a.shape for a in (q, k, v)]
        refused(TypeError, "dtype: cuda:sm_80 has kernels for 'float16' and 'bfloat16'",
                lambda: fovea.compile(like=shapes, target="cuda:sm_80"))
        refused(TypeError, "dtype: expected 'float16' or 'bfloat16'",
                lambda: fovea.compile(like=shapes, target="cuda:sm_80", dtype="float64"))
        refused(TypeError, "unknown option 'element'", lambda: fovea.compile(like=shapes, element="f16"))
        refused(fovea.Error, "head size of 40", lambda: fovea.compile(like=[(1, 1, 8, 40)] * 3, target="cuda:sm_80", dtype="float16"))
        overlap = on_gpu(q)
        refused(fovea.InvalidError, "overlaps", lambda: compute(overlap, tensors[1], tensors[2], out=overlap))
    """, tmp_path)


def test_no_driver(tmp_path):
    (tmp_path / "libcuda.so.1").write_text("")
    script = tmp_path / "none.py"
    script.write_text("import fovea\n"
                      "kernel = fovea.compile(like=[(1, 1, 8, 64)] * 3, target='cuda:sm_80', dtype='bfloat16')\n"
                      "try:\n    kernel.plan(*[(1, 1, 8, 64)] * 3)\nexcept fovea.Error as error:\n    print(error.status, error)\n")
    done = subprocess.run([sys.executable, script], env=dict(os.environ, PYTHONPATH=str(PACKAGES), LD_LIBRARY_PATH=str(tmp_path)),
                          capture_output=True, text=True)
    assert done.stdout.startswith("NO_DEVICE there is no NVIDIA driver here"), done.stdout + done.stderr
