#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch's scaled_dot_product_attention with a dense mask, on one thread. Takes one JSON request, prints the median time; making the mask
is outside of it. It has no softcap."""
import json
import sys

import torch
from torch.nn.functional import scaled_dot_product_attention

from torch_masks import inputs, mask_of, median_ms


def main():
    request = json.loads(sys.argv[1])
    if request["kernel"] == "softcap" or request["positions"] > 16384:  # a mask of 16 GiB
        print(json.dumps({"median_ms": None}))
        return
    query, key, value = inputs(request)
    mask, n = mask_of(request), request["positions"]
    i, j = torch.arange(n)[:, None], torch.arange(n)[None, :]
    dense = mask(0, 0, i, j) if mask else None
    if request["kernel"] == "alibi":
        slopes = 2.0 ** -torch.arange(1.0, request["heads"] + 1)
        dense = torch.where(dense, slopes[:, None, None] * (j - i), float("-inf"))
    with torch.no_grad():
        print(json.dumps({"median_ms": median_ms(lambda: scaled_dot_product_attention(query, key, value, attn_mask=dense))}))


if __name__ == "__main__":
    main()
