# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every named mask, at sizes at which its pattern can be seen. `gallery.py` runs them."""

from typing import NamedTuple

import numpy as np

import fovea
from fovea import masks


class Sizes(NamedTuple):
    B: int = 1
    H: int = 1
    Nq: int = 512
    Nk: int = 512
    q_offset: int = 0


class Example(NamedTuple):
    name: str
    mask: masks.Mask
    sizes: Sizes
    explanation: str
    source: str


_random = np.random.default_rng(2024)
# Documents of a packed batch, in order and interleaved; where each begins and ends.
_lengths = np.array([90, 37, 180, 64, 141])
_ids = np.repeat(np.arange(5), _lengths).astype(np.int32)
_end = np.cumsum(_lengths)[_ids]
_start = _end - _lengths[_ids]
_speakers = (_random.integers(0, 3, 32).repeat(16)).astype(np.int32)
_blocks = np.tril(_random.random((16, 16)) < 0.25) | np.eye(16, dtype=bool)
_blocks_of_heads = np.stack([_blocks, np.tri(16, dtype=bool)])
_questions = np.zeros(512, bool)
_questions[[0, 100, 101, 333]] = True
# Three roots, each with children and grandchildren: the candidates of one step of speculative decoding.
_parents = np.array([-1, -1, -1, 0, 0, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 10, 11])
_tree = Sizes(Nq=len(_parents), Nk=64 + len(_parents), q_offset=64)

EXAMPLES = [
    Example("full", masks.full(), Sizes(), "every query sees every key", "Vaswani et al. 2017"),
    Example("none", masks.none(), Sizes(), "nothing is visible, every output is 0", ""),
    Example("causal", masks.causal(), Sizes(), "the past and itself; first query at the first key", "Vaswani et al. 2017"),
    Example("causal_bottom_right", masks.causal(offset=512 - 300), Sizes(Nq=300), "last query at the last key", "Dao 2023"),
    Example("causal_cached", masks.causal(), Sizes(Nq=100, q_offset=412), "the same by q_offset: new queries behind a cache", ""),
    Example("prefix_lm", masks.prefix_lm(160), Sizes(), "a prefix that everyone sees, causal behind it", "Raffel et al. 2020"),
    Example("sliding_window", masks.sliding_window(96), Sizes(), "the last 96 keys", "Jiang et al. 2023"),
    Example("sliding_window_per_head", masks.sliding_window(masks.per_head(np.array([32, 256]))), Sizes(H=2),
            "each head its own window", "Sukhbaatar et al. 2019"),
    Example("symmetric_window", masks.symmetric_window(48), Sizes(), "48 keys to both sides", "Beltagy et al. 2020"),
    Example("window_and_sinks", masks.window_and_sinks(96, 4), Sizes(), "a window and the first four keys", "Xiao et al. 2023"),
    Example("local_global", masks.local_global(40, 24), Sizes(), "a band; the first 24 tokens see and are seen",
            "Beltagy et al. 2020"),
    Example("local_global_chosen", masks.local_global(40, _questions), Sizes(), "a band; four tokens chosen as global",
            "Beltagy et al. 2020"),
    Example("dilated", masks.dilated(4, 24), Sizes(), "every fourth key, 24 of them", "Beltagy et al. 2020"),
    Example("strided", masks.dilated(32) | masks.sliding_window(32), Sizes(), "a window, and every 32nd key before it",
            "Child et al. 2019"),
    Example("bigbird", masks.bigbird(32, 2, 512, seed=7), Sizes(), "window, global and random blocks", "Zaheer et al. 2020"),
    Example("random_blocks", masks.random_blocks(32, 3, 512, seed=7), Sizes(), "three blocks drawn for each block of queries",
            "Zaheer et al. 2020"),
    Example("block_sparse", masks.block_sparse(_blocks, 32), Sizes(), "blocks chosen by a table", "Child et al. 2019"),
    Example("block_sparse_per_head", masks.block_sparse(_blocks_of_heads, 32), Sizes(H=2), "a table for each head",
            "Child et al. 2019"),
    Example("block_diagonal", masks.block_diagonal(100), Sizes(), "blocks of 100 that see themselves", "Qiu et al. 2020"),
    Example("chunked", masks.chunked(128), Sizes(), "causal within chunks of 128", "Meta 2025"),
    Example("documents", masks.documents(_ids, sorted=True), Sizes(), "five documents packed into one row", "Krell et al. 2021"),
    Example("documents_causal", masks.documents(_ids, sorted=True) & masks.causal(), Sizes(), "the same, causal",
            "Krell et al. 2021"),
    Example("documents_by_start", masks.documents_by_start(_start), Sizes(), "the same, by where each document begins",
            "Krell et al. 2021"),
    Example("documents_by_start_and_end", masks.documents_by_start(_start, _end), Sizes(), "whole documents, by begin and end",
            "Krell et al. 2021"),
    Example("documents_unsorted", masks.documents(_speakers), Sizes(), "interleaved speakers, who hear themselves", ""),
    Example("padding", masks.padding([512, 200]), Sizes(B=2), "the first keys of each sequence exist", "Vaswani et al. 2017"),
    Example("left_padding", masks.left_padding([0, 312]) & masks.causal(), Sizes(B=2), "sequences that end together, causal", ""),
    Example("neighbourhood", masks.neighbourhood(24, 3), Sizes(Nq=480, Nk=480), "pixels of a 24 x 20 image, 7 x 7 around each",
            "Ramachandran et al. 2019"),
    Example("neighbourhood_inside", masks.neighbourhood(24, 3, height=20), Sizes(Nq=480, Nk=480),
            "the same, windows moved inside at the border", "Hassani et al. 2023"),
    Example("tree", masks.tree(masks.tree_ancestors(_parents), 64), _tree, "18 speculated tokens behind 64: their ancestors",
            "Miao et al. 2024"),
    Example("tree_bits", masks.tree_bits(masks.tree_words(_parents), fovea.param("past", 64)), _tree,
            "the same with one integer per token", "Miao et al. 2024"),
    Example("streaming_batch", masks.window_and_sinks(96, 4) & masks.padding([512, 300]), Sizes(B=2),
            "a composition: window, sinks and padding", ""),
    Example("not_documents", ~masks.documents(_ids) & masks.causal(), Sizes(), "a composition: only earlier documents", ""),
]
