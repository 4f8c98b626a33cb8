# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's backend cases of LinearAttention (opset 27), where the `onnx` package is installed."""

import importlib

import numpy as np
import pytest

import fovea

node = pytest.importorskip("onnx.backend.test.case.node", reason="no onnx package")
helper = pytest.importorskip("onnx").helper


def cases():
    """Only the cases of this op: making those of all ops takes half a minute."""
    node._TargetOpType, node._NodeTestCases = "LinearAttention", []
    try:
        importlib.import_module("onnx.backend.test.case.node.linear_attention")
    except ModuleNotFoundError:
        return []
    return [case for case in node._NodeTestCases if not case.name.endswith("_expanded")]


CASES = cases()


def heads(x, count):
    """[B, N, H D] as [B, N, H, D]."""
    return x.reshape(*x.shape[:2], count, -1)


@pytest.mark.skipif(bool(CASES), reason="there are cases")
def test_this_onnx_has_the_op():
    pytest.skip("this onnx has no LinearAttention: it came with 1.23")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    op = case.model.graph.node[0]
    attributes = {a.name: helper.get_attribute_value(a) for a in op.attribute}
    arrays, (expected, state) = case.data_sets[0]
    given = dict(zip([name for name in op.input if name], arrays))
    if attributes.get("update_rule", b"gated_delta").endswith(b"delta"):
        pytest.skip("the delta rule is not there yet")
    if given["query"].dtype != np.float32:
        pytest.skip("float32 only")
    q = heads(given["query"], attributes["q_num_heads"])
    k, v = (heads(given[name], attributes["kv_num_heads"]) for name in ("key", "value"))
    decay = given.get("decay")
    if decay is not None and decay.shape[2] != attributes["kv_num_heads"]:
        decay = heads(decay, attributes["kv_num_heads"])
    out, last = fovea.linear_attention(q, k, v, decay=decay, scale=attributes.get("scale") or q.shape[3] ** -0.5, layout="bnhd",
                                       initial_state=given.get("past_state"), return_state=True)
    np.testing.assert_allclose(out.reshape(expected.shape), expected, rtol=case.rtol, atol=1e-6)
    np.testing.assert_allclose(last, state, rtol=case.rtol, atol=1e-6)
