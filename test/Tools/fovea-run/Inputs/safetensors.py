# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""safetensors.py FILE [NAME:DTYPE:SHAPE:VALUE...]: tensors of one value each; SHAPE is 1x2x3."""

import json
import math
import struct
import sys

FORMATS = {"F32": "f", "F64": "d", "I32": "i", "I64": "q", "BOOL": "?", "F16": "e"}

header, data = {"__metadata__": {"format": "np"}}, b""
for argument in sys.argv[2:]:
    name, dtype, shape, value = argument.split(":")
    sizes = [int(size) for size in shape.split("x")]
    if dtype == "BF16":  # the upper half of a float
        element = struct.pack("<f", float(value))[2:]
    else:
        element = struct.pack("<" + FORMATS[dtype], float(value) if dtype[0] == "F" else int(value))
    elements = element * math.prod(sizes)
    header[name] = {"dtype": dtype, "shape": sizes, "data_offsets": [len(data), len(data) + len(elements)]}
    data += elements
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
