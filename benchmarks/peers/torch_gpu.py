#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch on a GPU, bf16: one backend of SDPA, or FlexAttention compiled with its block mask. Takes one JSON request, prints the median
time between events on the device; compilation and the block mask are outside of it."""
import json
import statistics
import sys
import time

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

BACKENDS = {"torch_flash": SDPBackend.FLASH_ATTENTION, "torch_cudnn": SDPBackend.CUDNN_ATTENTION}
WARM_UP, LEAST_RUNS, MOST_RUNS, SECONDS = 3, 20, 1000, 0.5


def median_ms(call):
    for _ in range(WARM_UP):
        call()
    torch.cuda.synchronize()
    times, begin = [], time.monotonic()
    while len(times) < LEAST_RUNS or (len(times) < MOST_RUNS and time.monotonic() - begin < SECONDS):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def mask_of(request, positions):
    if request["mask"] == "documents":  # those of benchmarks/gpu.py
        cuts = np.sort(np.random.default_rng(0).choice(np.arange(1, positions), request["documents"] - 1, replace=False))
        document = torch.tensor(np.searchsorted(cuts, np.arange(positions), side="right"), device="cuda")
        return lambda b, h, i, j: document[i] == document[j]
    if request["mask"] == "window":
        return lambda b, h, i, j: (i >= j) & (i - j < request["window"])
    return lambda b, h, i, j: i >= j


def flex_attention(request, query, key, value):
    from torch.nn.attention import flex_attention as flex
    positions = key.shape[2]
    block_mask = flex.create_block_mask(mask_of(request, positions), None, None, positions, positions, device="cuda")
    compiled = torch.compile(flex.flex_attention)
    return median_ms(lambda: compiled(query, key, value, block_mask=block_mask, enable_gqa=query.shape[1] != key.shape[1]))


def main():
    request = json.loads(sys.argv[1])
    sizes, head_size = request["sizes"], request["head_size"]
    torch.manual_seed(0)
    random = lambda heads, length: torch.randn(sizes["B"], heads, length, head_size, device="cuda", dtype=torch.bfloat16)
    query, key, value = random(sizes["Hq"], sizes["Nq"]), random(sizes["Hkv"], sizes["Nk"]), random(sizes["Hkv"], sizes["Nk"])
    with torch.no_grad():
        if request["backend"] == "flex_attention":
            milliseconds = flex_attention(request, query, key, value)
        else:
            options = {"is_causal": request["mask"] == "causal", "enable_gqa": query.shape[1] != key.shape[1]}
            with sdpa_kernel(BACKENDS[request["backend"]]):
                milliseconds = median_ms(lambda: scaled_dot_product_attention(query, key, value, **options))
    print(json.dumps({"median_ms": milliseconds}))


if __name__ == "__main__":
    main()
