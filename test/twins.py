#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every pass has its twins: X in a Passes.td, X.cpp, the flag that X spells, a lit test of that name, and no other."""
import pathlib
import re
import sys

FAMILIES = {  # Passes.td: (sources, tests, what comes before the name in the definition, in the flag)
    "include/fovea/Dialect/Attn/Transforms/Passes.td": ("lib/Dialect/Attn/Transforms", "test/Dialect/Attn", "", "attn-"),
    "include/fovea/Conversion/Passes.td": ("lib/Conversion", "test/Conversion", "Convert", "convert-"),
}


def kebab(name):
    # Before a capital after a small letter, and before the last one of an abbreviation: NVVMToLoops, nvvm-to-loops
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def missing(top):
    """One line per twin that is not there."""
    tables = {str(path.relative_to(top)) for path in (top / "include").rglob("Passes.td")}
    for table in sorted(tables ^ FAMILIES.keys()):
        yield f"{table}: not the tables of passes that {__file__} knows"
    for table in sorted(tables & FAMILIES.keys()):
        sources, tests, prefix, flag_prefix = FAMILIES[table]
        passes = re.findall(r'^def (\w+) : Pass<"([^"]+)"', (top / table).read_text(), re.MULTILINE)
        if not passes:
            yield f"{table}: defines no pass"
        for definition, flag in passes:
            name = definition.removeprefix(prefix)
            if flag != flag_prefix + kebab(name):
                yield f"{definition}: the flag is --{flag}, not --{flag_prefix}{kebab(name)}"
            for folder, file in ((sources, f"{name}.cpp"), (tests, f"{kebab(name)}.mlir")):
                found = sorted((top / folder).rglob(file))
                if len(found) != 1:
                    yield f"{definition}: {len(found)} files {folder}/**/{file}, not 1"
                elif file.endswith(".mlir") and f"--{flag}" not in found[0].read_text():
                    yield f"{definition}: {found[0].relative_to(top)} does not run --{flag}"


if __name__ == "__main__":
    faults = list(missing(pathlib.Path(sys.argv[1])))
    print("\n".join(faults) or "every pass has its twins")
    sys.exit(bool(faults))
