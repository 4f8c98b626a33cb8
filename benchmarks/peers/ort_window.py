#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Milliseconds of onnxruntime's GroupQueryAttention with local_window_size, the only mask but causal that its CPU provider
skips work for. Takes one JSON request, prints the median time."""
import json
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

D = 64


def model(heads, window):
    """As onnxruntime documents it: com.microsoft.GroupQueryAttention, causal, without a past."""
    node = helper.make_node("GroupQueryAttention", ["query", "key", "value", "", "", "last", "total"], ["out", "present_key", "present_value"],
                            domain="com.microsoft", num_heads=heads, kv_num_heads=heads, local_window_size=window)
    packed = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", "N", heads * D])
    cache = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", heads, "T", D])
    inputs = [packed(name) for name in ("query", "key", "value")]
    inputs += [helper.make_tensor_value_info("last", TensorProto.INT32, ["B"]), helper.make_tensor_value_info("total", TensorProto.INT32, [1])]
    graph = helper.make_graph([node], "window", inputs, [packed("out"), cache("present_key"), cache("present_value")])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def main():
    request = json.loads(sys.argv[1])
    if request["kernel"] != "window":
        print(json.dumps({"median_ms": None}))
        return
    heads, positions = request["heads"], request["positions"]
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    window = request["inputs"]["window"]
    session = ort.InferenceSession(model(heads, window).SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feed = {name: random.standard_normal((1, positions, heads * D), np.float32) for name in ("query", "key", "value")}
    feed |= {"last": np.array([positions - 1], np.int32), "total": np.array([positions], np.int32)}
    check(session, heads, window)
    times = []
    while len(times) < 3 or (sum(times) < 1.5 and len(times) < 20):
        start = time.perf_counter()
        session.run(["out"], feed)
        times.append(time.perf_counter() - start)
    print(json.dumps({"median_ms": 1e3 * statistics.median(times)}))


def check(session, heads, window):
    """It is the same window: row i sees keys (i - window, i]."""
    positions = window + 40
    random = np.random.default_rng(1)
    q, k, v = (random.standard_normal((1, positions, heads * D), np.float32) for _ in range(3))
    feed = {"query": q, "key": k, "value": v, "last": np.array([positions - 1], np.int32), "total": np.array([positions], np.int32)}
    got = session.run(["out"], feed)[0][0, -1, :D]
    first = positions - window
    scores = k[0, first:, :D] @ q[0, -1, :D] / np.sqrt(D)
    weights = np.exp(scores - scores.max())
    want = weights @ v[0, first:, :D] / weights.sum()
    if not np.allclose(got, want, atol=1e-4):
        sys.exit("onnxruntime's window is another one")


if __name__ == "__main__":
    main()
