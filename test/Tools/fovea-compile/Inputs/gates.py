# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What ptxas makes of kernels, without a GPU.

gates.py FILE ARCH... [--instructions FILE]: compiles FILE for every architecture. Fails on a byte of spill or stack, and on what
an expected line says otherwise:

    full64: HMMA 64, LDSM 36, LDGSTS 20

--instructions: a file with such lines ('#' starts a comment), counted in the disassembly, where nothing may be in local
memory. How long a compilation took is printed, and nothing more.
"""

import argparse
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def resources(log):
    """{kernel: (registers, bytes of stack and spills)} from ptxas -v."""
    found = {}
    for part in re.split(r"Compiling entry function '", log)[1:]:
        name = part[: part.index("'")]
        stack, stores, loads = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part).groups()
        found[name] = int(re.search(r"Used (\d+) registers", part).group(1)), int(stack) + int(stores) + int(loads)
    return found


def instructions(cubin):
    """{kernel: {opcode: count}}; an opcode is what stands before the first dot."""
    disassembler = shutil.which("nvdisasm")
    text = run(disassembler, "-c", cubin) if disassembler else run("cuobjdump", "-sass", cubin)
    counts = collections.defaultdict(collections.Counter)
    kernel = None
    for line in text.splitlines():
        if section := re.match(r"\s*\.section\s+\.text\.(\w+)|\s*Function : (\w+)", line):
            kernel = section.group(1) or section.group(2)
        elif opcode := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?\w+\s+)?([A-Z][A-Z0-9]*)", line):
            counts[kernel][opcode.group(1)] += 1
    return counts


def expectations(path):
    """[(kernel, {opcode: count})]"""
    lines = (line.split("#")[0].strip() for line in open(path))
    split = (line.split(":") for line in lines if line)
    return [(name, {word.split()[0]: int(word.split()[1]) for word in rest.split(",")}) for name, rest in split]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("archs", nargs="+")
    parser.add_argument("--instructions")
    options = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as directory:
        cubin, ptx = os.path.join(directory, "a.cubin"), os.path.join(directory, "a.ptx")
        for arch in options.archs:
            start = time.monotonic()
            run("fovea-compile", options.file, f"--target=cuda:{arch}", "--emit=cubin", "-o", cubin)
            print(f"{arch}: text to cubin in {1000 * (time.monotonic() - start):.0f} ms, all kernels of the file")
            run("fovea-compile", options.file, f"--target=cuda:{arch}", "--emit=ptx", "-o", ptx)
            for name, (registers, spilled) in resources(run("ptxas", "-v", f"-arch={arch}", ptx, "-o", os.devnull)).items():
                print(f"{arch} {name}: {registers} registers, {spilled} bytes of stack and spills")
                if spilled or registers > 255:
                    faults.append(f"{arch} {name}: {registers} registers, {spilled} bytes of stack and spills")
            if not options.instructions:
                continue
            counts = instructions(cubin)
            for name, counted in counts.items():
                print(f"{arch} {name}: " + ", ".join(f"{op} {counted[op]}" for op in ("HMMA", "LDSM", "LDGSTS", "LDL", "STL", "BAR")))
                if counted["LDL"] or counted["STL"]:
                    faults.append(f"{arch} {name}: local memory")
            for name, wanted in expectations(options.instructions):
                for op, count in wanted.items():
                    if counts[name][op] != count:
                        faults.append(f"{arch} {name}: {counts[name][op]} {op}, {count} expected")
    sys.exit("\n".join(faults) if faults else 0)


main()
