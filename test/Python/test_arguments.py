# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every refusal before anything is compiled: the type of the exception and what it says."""

import numpy as np
import pytest

import fovea


def f32(*shape):
    return np.zeros(shape, np.float32)


Q, K, V = f32(2, 4, 9, 8), f32(2, 4, 9, 8), f32(2, 4, 9, 8)


@pytest.mark.parametrize("q, k, v, message", [
    (f32(4, 9, 8), K, V, r"query: expected rank 4, \[B, H, N, D\], got shape \(4, 9, 8\)"),
    (Q, K, f32(8), "value: expected rank 4"),
    (f32(3, 4, 9, 8), K, V, "query .* and key .* differ in batch size"),
    (Q, K, f32(1, 4, 9, 8), "key .* and value .* differ in batch size"),
    (Q, K, f32(2, 2, 9, 8), "differ in number of heads"),
    (Q, K, f32(2, 4, 7, 8), "differ in number of keys"),
    (f32(2, 4, 9, 16), K, V, "query .* and key .* differ in head dimension"),
    (f32(2, 6, 9, 8), K, V, "must be a multiple"),
    (f32(2, 8, 9, 8), K, V, "enable_gqa=True"),
    (f32(2, 4, 9, 0), f32(2, 4, 9, 0), V, "query: head dimension 0 .*expected 1 to 576"),
    (Q, K, f32(2, 4, 9, 577), "value: head dimension 577 .*expected 1 to 576"),
])
def test_shapes(q, k, v, message):
    with pytest.raises(ValueError, match=message):
        fovea.attention(q, k, v)


def test_layout_decides_which_axis_is_which():
    with pytest.raises(ValueError, match=r"number of keys \(axis 1, layout bnhd\)"):
        fovea.attention(f32(2, 9, 4, 8), f32(2, 7, 4, 8), f32(2, 6, 4, 8), layout="bnhd")


def test_causal_names_both_alignments():
    with pytest.raises(ValueError, match=r"q_offset=0 .*top-left.* q_offset=4 .*bottom-right"):
        fovea.attention(f32(2, 4, 5, 8), K, V, is_causal=True)
    with pytest.raises(ValueError, match="q_offset=-3 "):
        fovea.attention(f32(2, 4, 12, 8), K, V, is_causal=True)


@pytest.mark.parametrize("kwargs, error, message", [
    ({"layout": "hbnd"}, ValueError, "layout: expected"),
    ({"softcap": 0}, ValueError, "softcap: expected a positive number"),
    ({"softcap": float("inf")}, ValueError, "softcap"),
    ({"softcap": 1e300}, ValueError, "softcap: expected a positive number from 1.2e-38 to 3.4e38"),
    ({"softcap": 1e-300}, ValueError, "softcap: expected a positive number from 1.2e-38"),
    ({"softcap": 10**400}, ValueError, r"softcap: 100000000... \(1329 bits\) does not fit a float"),
    ({"softcap": "2"}, TypeError, "softcap: expected a number, got '2'"),
    ({"scale": 1j}, TypeError, "scale: expected a number"),
    ({"scale": 1e300}, ValueError, "scale: expected a finite number of at most 3.4e38"),
    ({"scale": -10**400}, ValueError, "scale: -10000000.* does not fit a float"),
    ({"scale": float("nan")}, ValueError, "scale: expected a finite number"),
    ({"window": 0}, ValueError, "window: expected at least 1"),
    ({"window": 2.5}, TypeError, "window: expected an integer"),
    ({"window": int}, ValueError, "window: no value"),
    ({"q_offset": 1.0}, TypeError, "q_offset: expected an integer"),
    ({"q_offset": 2**40}, ValueError, "positions must stay below"),
    ({"mask_mod": 3}, TypeError, "mask_mod: expected a function of .b, h, q_idx"),
    ({"score_mod": np.zeros(3)}, TypeError, "score_mod: expected a function of .score, b"),
    ({"kv_len": [9]}, ValueError, r"kv_len: expected shape \(2,\)"),
    ({"kv_len": [9, 10]}, ValueError, r"lengths must lie in \[0, 9\]"),
    ({"kv_len": [9, -1]}, ValueError, "lengths must lie"),
    ({"kv_len": [9.0, 1.0]}, TypeError, "kv_len: expected integers"),
    ({"kv_len": [[1, 2], [3]]}, TypeError, "kv_len: expected integers, one length per sequence"),
    ({"kv_len": [9, 2**70]}, ValueError, r"lengths must lie in \[0, 9\]"),
    ({"kv_len": 9}, TypeError, "kv_len: expected a numpy array"),
    ({"threads": 0}, ValueError, "threads: expected 1 to 1024, or None"),
    ({"threads": 1.5}, TypeError, "threads: expected an integer or None"),
    ({"target": "host\0"}, ValueError, "target: expected a name such as 'host'"),
    ({"is_causal": "no"}, TypeError, "is_causal: expected True or False, got 'no'"),
    ({"return_lse": 1}, TypeError, "return_lse: expected True or False"),
    ({"enable_gqa": np.ones(2)}, TypeError, "enable_gqa: expected True or False"),
    ({"target": 3}, TypeError, "target: expected a string"),
    ({"mask_mod": lambda b, h, q: q > 0}, TypeError, r"mask_mod is called with \(b, h, q_idx, kv_idx\), but it takes \(b, h, q\)"),
    ({"score_mod": lambda b, h, q, k: q}, TypeError, r"score_mod is called with \(score, b, h, q_idx, kv_idx\)"),
    ({"params": [3]}, TypeError, "params: expected a dict"),
    ({"params": {"w": 3}}, ValueError, "no parameter 'w' and takes none"),
    ({"params": {"window": 3}, "window": 4}, ValueError, "no parameter 'window'"),
    ({"mask_mod": lambda b, h, q, k: q - k < fovea.param("w", int)}, ValueError, r'w: no value; pass params={"w": ...}'),
    ({"mask_mod": lambda b, h, q, k: q - k < fovea.param("w", int), "params": {"w": 1.5}}, TypeError, "w: expected an integer"),
    ({"mask_mod": lambda b, h, q, k: q - k < fovea.param("w", int), "params": {"u": 1}}, ValueError, "it has w"),
    ({"mask_mod": lambda b, h, q, k: fovea.param("d", np.zeros(9, int))[q] == 0, "params": {"d": np.zeros(9, np.float32)}},
     TypeError, r"compiled for tensor<\?xi64>, this is tensor<\?xf32>"),
])
def test_options(kwargs, error, message):
    with pytest.raises(error, match=message):
        fovea.attention(Q, K, V, **kwargs)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.dtype(">f4")])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError, match=f"key: dtype {np.dtype(dtype)} is not supported yet; float32"):
        fovea.attention(Q, K.astype(dtype), V)


def test_masked_arrays_are_refused():
    with pytest.raises(TypeError, match="key: a masked array's own mask would be ignored; pass key.data"):
        fovea.attention(Q, np.ma.array(K, mask=K > 0), V)


def test_what_is_no_array_is_refused():
    with pytest.raises(TypeError, match="query: expected a numpy array or a CPU tensor with __dlpack__, got list"):
        fovea.attention([[1.0]], K, V)


class OnDevice:
    """The DLPack surface of a CUDA tensor."""

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **_):
        raise AssertionError("not asked for")


class Half:
    dtype = "torch.bfloat16"

    def __dlpack_device__(self):
        return (1, 0)

    __dlpack__ = OnDevice.__dlpack__


def test_devices_and_bfloat16_are_refused():
    with pytest.raises(TypeError, match="query: the tensor is on a device .*cpu"):
        fovea.attention(OnDevice(), K, V)
    with pytest.raises(TypeError, match="key: bfloat16 is not supported yet; float32 on the CPU works now"):
        fovea.attention(Q, Half(), V)


def test_misaligned_data_is_refused():
    raw = np.zeros(Q.nbytes + 2, np.uint8)[2:].view(np.float32).reshape(Q.shape)
    with pytest.raises(ValueError, match="query: the data is not aligned"):
        fovea.attention(raw, K, V)
    packed = np.zeros(Q.shape, np.dtype([("pad", np.int16), ("x", np.float32)]))["x"]
    with pytest.raises(ValueError, match="query: the data is not aligned .*strides"):
        fovea.attention(packed, K, V)


def test_compile_arguments():
    shapes = (Q.shape, K.shape, V.shape)
    with pytest.raises(TypeError, match="unknown option 'sinks'"):
        fovea.compile(like=shapes, sinks=3)
    with pytest.raises(ValueError, match="only B, Nq, Nk can be dynamic"):
        fovea.compile(like=shapes, dynamic=("Hq",))
    with pytest.raises(ValueError, match="like: expected three"):
        fovea.compile(like=shapes[:2])
    with pytest.raises(TypeError, match="query: expected an array or a shape, got None"):
        fovea.compile(like=(None, K, V))
    with pytest.raises(ValueError, match="key: negative size"):
        fovea.compile(like=(Q, (-1, 4, 9, 8), V))
    with pytest.raises(TypeError, match="must return fovea.attention"):
        fovea.compile(lambda q, k, v: q, like=shapes)
    with pytest.raises(TypeError, match="in this order"):
        fovea.compile(lambda q, k, v: fovea.attention(q, v, k), like=shapes)
    with pytest.raises(TypeError, match="pass is_causal inside fn's call"):
        fovea.compile(lambda q, k, v: fovea.attention(q, k, v), like=shapes, is_causal=True)
    with pytest.raises(ValueError, match="is_causal with 5 queries and 9 keys"):
        fovea.compile(like=(f32(2, 4, 5, 8), K, V), is_causal=True, dynamic=("B",))
