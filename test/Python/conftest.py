# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import numpy as np
import pytest

import fovea


@pytest.fixture
def make():
    """make(B, Hq, Nq, Nk, Dk, Hkv=, Dv=) -> query, key, value in [B, H, N, D]."""
    rng = np.random.default_rng(7)

    def arrays(B=2, Hq=3, Nq=37, Nk=37, Dk=32, Hkv=None, Dv=None):
        shapes = (B, Hq, Nq, Dk), (B, Hkv or Hq, Nk, Dk), (B, Hkv or Hq, Nk, Dv or Dk)
        return tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)

    return arrays


@pytest.fixture
def fresh_cache():
    fovea.cache_clear()
