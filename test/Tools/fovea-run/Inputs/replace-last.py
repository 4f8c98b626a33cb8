# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""replace-last.py FILE OLD NEW: prints the file with NEW for the last OLD; fails where there is none."""

import sys

path, old, new = sys.argv[1:]
before, found, after = open(path).read().rpartition(old)
sys.exit(f"{path}: no '{old}'") if not found else print(before + new + after)
