# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random blocks from a hash in the mask's own code: the same blocks everywhere, without a table.

The hash takes a block of queries, a draw and a seed to 31 bits in integer arithmetic that fits 64 bits, with steps of which the
mask analysis knows the range: for the rows of one block of queries it knows which blocks of keys are empty.
"""

from .functions import abs as magnitude
from .named import Mask, call
from .quantities import Number

_BITS = 31
# 5 modulo 8, with an odd increment: each step is a permutation of full period (Hull and Dobell, Random Number Generators, 1962).
_MULTIPLIERS = (37769685, 26757677, 20501397)
_INCREMENT = 1640531527


def hash31(x):
    """31 bits of x in [0, 2^31): three congruential steps, after each the square of the high bits added, which is not linear."""
    for multiplier in _MULTIPLIERS:
        x = (x * multiplier + _INCREMENT) & (2**_BITS - 1)
        x = (x + (x >> 8) * (x >> 8)) & (2**_BITS - 1)
    return x


def drawn_block(seed, block, draw, blocks):
    """The key block that a block of queries sees in its draw: hash31 of all three, scaled to [0, blocks)."""
    return (hash31((hash31((seed + draw * 65537) & (2**_BITS - 1)) + block) & (2**_BITS - 1)) * blocks) >> _BITS


def random_blocks(block, draws, keys, *, seed=0):
    """j // block is one of the `draws` key blocks that a hash of (seed, i // block) draws, with repetition, from the
    ceil(keys / block) there are.

    Source: Zaheer et al., Big Bird: Transformers for Longer Sequences, 2020.
    """
    block, keys, seed = Number("block", block, least=1), Number("keys", keys, least=0), Number("seed", seed, least=0)
    draws = _count("draws", draws)

    def keep(b, h, i, j):
        size = block.divisor(b, h)
        blocks = (keys.at(b, h) + size - 1) // size
        hit = False
        for draw in range(draws):
            hit = (j // size == drawn_block(seed.at(b, h), i // size, draw, blocks)) | hit
        return hit
    return Mask(keep, call("random_blocks", block, draws, keys, seed=seed))


def bigbird(block, draws, keys, *, window_blocks=3, global_blocks=1, seed=0):
    """random_blocks, or |i // block - j // block| <= window_blocks // 2, or i or j in the first global_blocks blocks.

    Source: Zaheer et al., Big Bird: Transformers for Longer Sequences, 2020.
    """
    random = random_blocks(block, draws, keys, seed=seed)
    size = Number("block", block, least=1)
    window_blocks = Number("window_blocks", window_blocks, least=1)
    global_blocks = Number("global_blocks", global_blocks, least=0)

    def keep(b, h, i, j):
        row, key = i // size.divisor(b, h), j // size.divisor(b, h)
        near = magnitude(row - key) <= window_blocks.at(b, h) // 2
        first = global_blocks.at(b, h)
        return near | (row < first) | (key < first) | random(b, h, i, j)
    return Mask(keep, call("bigbird", block, draws, keys, window_blocks=window_blocks, global_blocks=global_blocks, seed=seed))


def _count(name, value):
    """A constant: it is how often the code is repeated."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name}: expected a constant integer, the code depends on it, got {value!r}")
    if not 0 <= value <= 64:
        raise ValueError(f"{name}: expected 0 to 64, got {value}")
    return value
