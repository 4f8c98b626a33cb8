# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The masks and scores of benchmarks/masks.py for torch."""
import statistics
import time

import torch


def inputs(request):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return [torch.randn(1, request["heads"], request["positions"], 64) for _ in range(3)]


def mask_of(request):
    """mask(b, h, i, j) for FlexAttention and for dense index tensors alike; None: there is no mask."""
    kernel, values = request["kernel"], request["inputs"]
    document = torch.tensor(request.get("document", []))
    return {"full": None,
            "causal": lambda b, h, i, j: i >= j,
            "window": lambda b, h, i, j: (i >= j) & (i - j < values["window"]),
            "documents": lambda b, h, i, j: document[i] == document[j],
            "prefix": lambda b, h, i, j: (i >= j) | (j < values["prefix"]),
            "longformer": lambda b, h, i, j: ((i - j).abs() <= values["window"]) | (i < values["global"]) | (j < values["global"]),
            "chunked": lambda b, h, i, j: (i >= j) & (i // values["chunk"] == j // values["chunk"]),
            "alibi": lambda b, h, i, j: i >= j,
            "softcap": lambda b, h, i, j: i >= j}[kernel]


def score_of(request):
    slopes = 2.0 ** -torch.arange(1.0, request["heads"] + 1)
    return {"alibi": lambda s, b, h, i, j: s + slopes[h] * (j - i),
            "softcap": lambda s, b, h, i, j: 50.0 * torch.tanh(s / 50.0)}.get(request["kernel"])


def median_ms(call, runs=5, seconds=30):
    call()
    times, begin = [], time.monotonic()
    while len(times) < runs and (not times or time.monotonic() - begin < seconds):
        start = time.monotonic()
        call()
        times.append(time.monotonic() - start)
    return statistics.median(times) * 1e3
