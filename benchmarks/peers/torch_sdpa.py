#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch.nn.functional.scaled_dot_product_attention on one thread, as installed. Takes one JSON request, prints the median time.

Window and ALiBi are given as a dense bias, which is how SDPA takes them; it is made outside the timed part. It has no softcap.
"""
import json
import statistics
import sys
import time

import torch
from torch.nn.functional import scaled_dot_product_attention


def bias_of(kernel, heads, positions, window):
    """None, or the dense float mask [1 or heads, positions, positions]."""
    i, j = torch.arange(positions)[:, None], torch.arange(positions)[None, :]
    if kernel.startswith("window"):
        return torch.where((i >= j) & (i - j < window), 0.0, float("-inf"))[None]
    if kernel.startswith("alibi"):
        slopes = 2.0 ** -torch.arange(1.0, heads + 1)
        return torch.where(i >= j, slopes[:, None, None] * (j - i), float("-inf"))
    return None


def main():
    request = json.loads(sys.argv[1])
    kernel = request["kernel"]
    if kernel.startswith("softcap"):
        print(json.dumps({"median_ms": None}))
        return
    torch.set_num_threads(1)
    torch.manual_seed(0)
    query, key = torch.randn(request["query"]), torch.randn(request["key"])
    value = torch.randn(request["key"])
    if "bnhd" in kernel:
        query, key, value = (tensor.transpose(1, 2) for tensor in (query, key, value))
    bias = bias_of(kernel, query.shape[1], query.shape[2], request["window"])
    options = {"attn_mask": bias, "is_causal": bias is None and not kernel.startswith("full"), "enable_gqa": query.shape[1] != key.shape[1]}
    seconds = []
    with torch.no_grad():
        scaled_dot_product_attention(query, key, value, **options)
        begin = time.monotonic()
        while len(seconds) < 9 and time.monotonic() - begin < 30:
            start = time.monotonic()
            scaled_dot_product_attention(query, key, value, **options)
            seconds.append(time.monotonic() - start)
    print(json.dumps({"median_ms": statistics.median(seconds) * 1e3}))


if __name__ == "__main__":
    main()
