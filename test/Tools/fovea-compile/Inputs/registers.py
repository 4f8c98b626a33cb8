# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""registers.py LOG: fails unless each of the four kernels of gpu.mlir, by what ptxas -v says, uses less than 255 registers."""

import re
import sys

used = [int(n) for n in re.findall(r"Used (\d+) registers", open(sys.argv[1]).read())]
print(used)
sys.exit(len(used) != 4 or max(used) > 254)
