# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""count-sass.py FILE: how often each kernel of nvdisasm's output has the instructions that the gates are about."""

import re
import sys

NAMES = ("HGMMA", "LDL", "STL", "UTMALDG", "USETMAXREG")
counts = {}
kernel = None
for line in open(sys.argv[1]):
    if section := re.match(r"\s*\.section\s+\.text\.(\w+)", line):
        kernel = counts.setdefault(section.group(1), dict.fromkeys(NAMES, 0))
    elif kernel is not None and (op := re.match(r"\s*/\*[0-9a-f]+\*/\s+(?:@!?\w+\s+)?(\w+)", line)):
        if op.group(1) in kernel:
            kernel[op.group(1)] += 1
for name in sorted(counts):
    print(name, *(f"{op}={counts[name][op]}" for op in NAMES))
