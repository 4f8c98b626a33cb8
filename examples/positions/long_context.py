# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A cache of unrotated keys, decoded beyond the trained length with YaRN: the cache never changes when the scaling does.

    python examples/positions/long_context.py
"""

import fovea
import numpy as np

HEADS, KV_HEADS, SIZE, TRAINED = 8, 2, 64, 256


def main():
    rng = np.random.default_rng(0)
    keys, values = (rng.standard_normal((1, KV_HEADS, 4 * TRAINED, SIZE)).astype(np.float32) for _ in range(2))
    plain = fovea.positions.rope(SIZE)
    for length in (TRAINED, 2 * TRAINED, 4 * TRAINED):
        query = rng.standard_normal((1, HEADS, 1, SIZE)).astype(np.float32)
        rope = plain if length <= TRAINED else fovea.positions.yarn(SIZE, factor=length / TRAINED, trained_length=TRAINED)
        out, lse = fovea.attention(query, keys[:, :, :length], values[:, :, :length], rope=rope, is_causal=True, q_offset=length - 1,
                                   enable_gqa=True, return_lse=True)
        slowest = rope.frequencies[-1] * (length - 1)
        print(f"{length:5} keys: attention factor {rope.factor:.3f}, slowest pair turned by {slowest:.3f} rad, "
              f"lse of head 0 {lse[0, 0, 0]:.3f}")
        assert np.isfinite(out).all()


if __name__ == "__main__":
    main()
