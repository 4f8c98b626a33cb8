#!/usr/bin/env python3
"""Runs every suite, shows what failed, and ends with one line: N passed, N failed, N skipped.

Each suite reports in JUnit XML, so that the sum does not depend on anyone's wording.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def suites(build, report):
    """(name, kind, command) of every suite; each command writes its results to report(name)."""
    for program in sorted((build / "bin").glob("fovea-*-tests")):
        yield program.name, "unit", [program, "--gtest_brief=1", f"--gtest_output=xml:{report(program.name)}"]
    cache = (build / "CMakeCache.txt").read_text()
    lit = next(line.split("=", 1)[1] for line in cache.splitlines() if line.startswith("FOVEA_LIT:"))
    yield "lit", "lit", [lit, "-q", "-v", "--xunit-xml-output", report("lit"), build / "test"]
    yield "python", "python", [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report('python')}",
                               SOURCE / "test" / "Python"]


def count(path):
    """(passed, failed, skipped) of a JUnit file; a suite that left none has failed."""
    if not path.exists():
        return 0, 1, 0
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun" or case.get("result") == "skipped":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def skips(path):
    """A line per skipped test that says why; equal reasons once."""
    reasons = {}
    for case in ElementTree.parse(path).getroot().iter("testcase") if path.exists() else ():
        skipped = case.find("skipped")
        if skipped is not None and skipped.get("message"):
            reasons.setdefault(" ".join(skipped.get("message").split()), []).append(case.get("name"))
    return [f"  skipped {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=SOURCE / "build")
    parser.add_argument("filter", nargs="*", choices=["unit", "lit", "python", []], help="only these suites")
    options = parser.parse_args()
    environment = dict(os.environ, PYTHONPATH=str(options.build / "python"), PYTHONDONTWRITEBYTECODE="1")
    total = [0, 0, 0]
    with tempfile.TemporaryDirectory() as directory:
        report = lambda name: Path(directory) / f"{name}.xml"
        for name, kind, command in suites(options.build, report):
            if options.filter and kind not in options.filter:
                continue
            start = time.monotonic()
            result = subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    text=True, errors="replace")
            counts = list(count(report(name)))
            if result.returncode != 0 and counts[1] == 0:
                counts[1] = 1  # it crashed, or failed outside any test
            if result.returncode != 0 or counts[1]:
                print(result.stdout)
            print(f"{name}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped ({time.monotonic() - start:.0f} s)", flush=True)
            for line in skips(report(name)):
                print(line)
            total = [a + b for a, b in zip(total, counts)]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
