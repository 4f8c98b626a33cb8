# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls fovea-run, and the peers, and keeps results, for the benchmarks beside this file."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TIMEOUT_SECONDS = 600


class Runner:
    """Calls fovea-run on one thread and reads its report."""

    def __init__(self, build, directory):
        self.program, self.directory = build / "bin" / "fovea-run", Path(directory)

    def __call__(self, path, dims, inputs, *options):
        """The report, with the process's peak of resident memory in `rss_bytes`. inputs: numbers and arrays by name."""
        sizes = ",".join(f"{name}={size}" for name, size in dims.items())
        command = [self.program, path, f"--dims={sizes}", "--threads=1", "--json", *self._given(inputs), *options]
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)  # wait4 took it
        if process.returncode:
            sys.exit(f"{path.name}: fovea-run failed")
        return {**json.loads(output), "rss_bytes": usage.ru_maxrss * 1024}

    def _given(self, inputs):
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                path = self.directory / f"{name}.npy"
                np.save(path, value)
                value = path
            yield f"--input={name}={value}"


def measure_peer(peer, request):
    """Milliseconds of benchmarks/peers/PEER.py on one thread, or None: it cannot do that, or failed with the reason on stderr."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    try:
        done = subprocess.run([sys.executable, HERE / "peers" / f"{peer}.py", json.dumps(request)], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{peer}: {request['kernel']} took longer than {TIMEOUT_SECONDS} s", file=sys.stderr)
        return None
    if done.returncode:
        print(f"{peer}: {request['kernel']}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])["median_ms"]


def save(results, *paths):
    """Writes the results to each path that is one, and says so."""
    for path in filter(None, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=2) + "\n")
        print(f"wrote {path}", file=sys.stderr)
