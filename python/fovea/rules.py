# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the values of an operand must satisfy for the sizes of a call, asked when they are known: at every plan.

A rule is a plain tuple, so that the many uses of one operand ask it once and a kept kernel keeps no array alive.
`check(value, dims, first)`: dims are the call's sizes, `first` the position of the first query.
"""

from typing import NamedTuple

import numpy as np


class AtLeast(NamedTuple):
    argument: str
    least: float

    def check(self, value, dims, first):
        if np.size(value) and np.min(value) < self.least:
            raise ValueError(f"{self.argument}: expected at least {self.least}, got {np.min(value)}")


class Positive(NamedTuple):
    argument: str

    def check(self, value, dims, first):
        if not np.all(np.greater(value, 0) & np.isfinite(value)):
            raise ValueError(f"{self.argument}: expected positive numbers, got {value}")


class AxisIs(NamedTuple):
    """An axis that is one of the call's dimensions, or a number."""

    argument: str
    axis: int
    size: object  # the name of a dimension, or an int

    def check(self, value, dims, first):
        size = getattr(dims, self.size) if isinstance(self.size, str) else self.size
        if value.shape[self.axis] != size:
            what = {"B": "one per sequence", "Hq": "one per query head"}.get(self.size, "as when the mask or score was made")
            raise ValueError(f"{self.argument}: expected size {size} on axis {self.axis}, {what}, got shape {value.shape}")


class AtMostKeys(NamedTuple):
    """Lengths within the keys."""

    argument: str

    def check(self, value, dims, first):
        if np.size(value) and np.max(value) > dims.Nk:
            raise ValueError(f"{self.argument}: lengths must lie in [0, {dims.Nk}], the number of keys, got {np.max(value)}")


class Covers(NamedTuple):
    """An axis with an element for every query position, every key position, or both; `blocks` positions per element."""

    argument: str
    axis: int
    queries: bool
    keys: bool
    block: int = 1

    def check(self, value, dims, first):
        if self.queries and first < 0 and dims.Nq:
            raise ValueError(f"{self.argument}: q_offset {first} puts queries before position 0, for which it has no element")
        positions = max(first + dims.Nq if self.queries else 0, dims.Nk if self.keys else 0)
        needed = -(-positions // self.block)
        if value.shape[self.axis] < needed:
            whose = " and ".join(w for w, is_read in (("queries", self.queries), ("keys", self.keys)) if is_read)
            raise ValueError(f"{self.argument}: the {whose} need {needed} elements on axis {self.axis} ({positions} positions), "
                             f"got shape {value.shape}")


class IsSorted(NamedTuple):
    """The claim of sorted=True."""

    argument: str

    def check(self, value, dims, first):
        if (np.diff(value, axis=-1) < 0).any():
            raise ValueError(f"{self.argument}: sorted=True, but an element is smaller than the one before it; sort them, "
                             "or pass sorted=False")
