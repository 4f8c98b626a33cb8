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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def suites(build, report, jobs):
    """(name, kind, commands) of every suite; command n writes its results to report(name, n). Programs run in as many parts as there
    are jobs, side by side; lit makes its own."""
    for program in sorted((build / "bin").glob("fovea-*-tests")):
        yield program.name, "unit", [
            ["env", f"GTEST_TOTAL_SHARDS={jobs}", f"GTEST_SHARD_INDEX={n}", program, "--gtest_brief=1",
             f"--gtest_output=xml:{report(program.name, n)}"] for n in range(jobs)]
    cache = (build / "CMakeCache.txt").read_text()
    lit = next(line.split("=", 1)[1] for line in cache.splitlines() if line.startswith("FOVEA_LIT:"))
    yield "lit", "lit", [[lit, "-q", "-v", "-j", str(jobs), "--xunit-xml-output", report("lit", 0), build / "test"]]
    yield "python", "python", [[sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report('python', 0)}",
                                SOURCE / "test" / "Python"]]


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


def run(command, environment):
    return subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=SOURCE / "build")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many tests run at a time (default: a core each)")
    parser.add_argument("filter", nargs="*", choices=["unit", "lit", "python", []], help="only these suites")
    options = parser.parse_args()
    environment = dict(os.environ, PYTHONPATH=str(options.build / "python"), PYTHONDONTWRITEBYTECODE="1")
    total = [0, 0, 0]
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(options.jobs) as pool:
        report = lambda name, n: Path(directory) / f"{name}-{n}.xml"
        for name, kind, commands in suites(options.build, report, options.jobs):
            if options.filter and kind not in options.filter:
                continue
            start, sums = time.monotonic(), [0, 0, 0]
            results = list(pool.map(lambda command: run(command, environment), commands))
            for n, result in enumerate(results):
                counts = list(count(report(name, n)))
                if result.returncode != 0 and counts[1] == 0:
                    counts[1] = 1  # it crashed, or failed outside any test
                if result.returncode != 0 or counts[1]:
                    print(result.stdout)
                sums = [a + b for a, b in zip(sums, counts)]
            print(f"{name}: {sums[0]} passed, {sums[1]} failed, {sums[2]} skipped ({time.monotonic() - start:.0f} s)", flush=True)
            for n in range(len(commands)):
                for line in skips(report(name, n)):
                    print(line)
            total = [a + b for a, b in zip(total, sums)]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
