# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""npy.py FILE DESCR SHAPE [VALUE...]: writes an array of the values, repeated; SHAPE is 1x2x3, or - for a scalar."""

import itertools
import struct
import sys

FORMATS = {"<f4": "f", "<f8": "d", "|i1": "b", "<i4": "i", "<i8": "q", "|b1": "?", ">f4": "f", "<f2": "e"}

path, descr, shape = sys.argv[1:4]
sizes = [] if shape == "-" else [int(size) for size in shape.split("x")]
values = [float(value) if descr[1] == "f" else int(value) for value in sys.argv[4:] or ["0"]]
count = 1
for size in sizes:
    count *= size
order = ">" if descr[0] == ">" else "<"
elements = itertools.islice(itertools.cycle(values), count)
header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({''.join(f'{size}, ' for size in sizes)}), }}\n".encode()
with open(path, "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    file.write(b"".join(struct.pack(order + FORMATS[descr], value) for value in elements))
