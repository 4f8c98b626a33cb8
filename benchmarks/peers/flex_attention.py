#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""torch's FlexAttention, compiled, on one thread. Takes one JSON request, prints the median time; compilation and the block mask are
outside of it."""
import json
import sys

import torch
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from torch_masks import inputs, mask_of, median_ms, score_of


def main():
    request = json.loads(sys.argv[1])
    query, key, value = inputs(request)
    mask, positions = mask_of(request), request["positions"]
    block_mask = create_block_mask(mask, 1, None, positions, positions, device="cpu") if mask else None
    call = torch.compile(flex_attention)
    with torch.no_grad():
        print(json.dumps({"median_ms": median_ms(lambda: call(query, key, value, score_mod=score_of(request), block_mask=block_mask))}))


if __name__ == "__main__":
    main()
