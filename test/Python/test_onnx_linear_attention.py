# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's backend cases of LinearAttention (opset 27), where an `onnx` package that has them is installed."""

import numpy as np
import pytest

import fovea

node = pytest.importorskip("onnx.backend.test.case.node", reason="no onnx package")
helper = pytest.importorskip("onnx").helper

# Only the cases of this op: making those of all ops takes half a minute.
node._TargetOpType, node._NodeTestCases = "LinearAttention", []
pytest.importorskip("onnx.backend.test.case.node.linear_attention", reason="this onnx has no LinearAttention: it came with 1.23")
CASES = [case for case in node._NodeTestCases if not case.name.endswith("_expanded")]


def heads(x, count):
    """[B, N, H D] as [B, N, H, D]."""
    return x.reshape(*x.shape[:2], count, -1)


def test_these_are_all_cases():
    assert len(CASES) == 14


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    op = case.model.graph.node[0]
    attributes = {a.name: helper.get_attribute_value(a) for a in op.attribute}
    arrays, (expected, state) = case.data_sets[0]
    # fp16 cases accumulate in float32, from operands that float32 holds exactly; only their results are rounded.
    given = dict(zip([name for name in op.input if name], (np.float32(a) for a in arrays)))
    q = heads(given["query"], attributes["q_num_heads"])
    k, v = (heads(given[name], attributes["kv_num_heads"]) for name in ("key", "value"))
    decay, beta = given.get("decay"), given.get("beta")
    if decay is not None and decay.shape[2] != attributes["kv_num_heads"]:
        decay = heads(decay, attributes["kv_num_heads"])
    if beta is not None:
        beta = np.broadcast_to(beta, (*beta.shape[:2], attributes["kv_num_heads"]))
    out, last = fovea.linear_attention(q, k, v, decay=decay, beta=beta, scale=attributes.get("scale") or q.shape[3] ** -0.5,
                                       layout="bnhd", initial_state=given.get("past_state"), return_state=True)
    half = expected.dtype == np.float16
    for actual, wanted in ((out.reshape(expected.shape), expected), (last, state)):
        np.testing.assert_allclose(actual, np.float32(wanted), rtol=case.rtol, atol=2e-3 if half else 1e-6)
