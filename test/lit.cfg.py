import glob
import os
import platform
import shutil

import lit.formats

config.name = "Fovea"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "Unit", "Python"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fovea_build, "test")
# Our tools first, then FileCheck and not.
config.environment["PATH"] = os.pathsep.join([os.path.join(config.fovea_build, "bin"), config.llvm_tools, os.environ["PATH"]])
config.environment["PYTHONPATH"] = os.path.join(config.fovea_build, "python")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%cc", config.cc))
config.substitutions.append(("%source", config.fovea_source))
config.substitutions.append(("%build", config.fovea_build))
if os.path.isdir(os.path.join(config.fovea_build, "python", "fovea")):
    config.available_features.add("python-package")
config.available_features.add(f"host={platform.machine()}")
# Other machines' programs: a test names what it needs, and where that is absent it is skipped with these names.
for program in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
    if shutil.which(program):
        config.available_features.add(program)
# ptxas is looked for as fovea-compile does, and a test that needs it is skipped where it is absent.
cuda = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
ptxas = shutil.which("ptxas") or next((path for home in cuda if home and os.access(path := os.path.join(home, "bin", "ptxas"), os.X_OK)), None)
if ptxas:
    config.available_features.add("ptxas")
    config.environment["PATH"] += os.pathsep + os.path.dirname(ptxas)
# The disassembler may come without a toolkit, as a Python package.
packages = os.path.join(os.path.dirname(os.path.dirname(config.python)), "lib", "python*", "site-packages", "nvidia", "*", "bin")
folders = [os.path.join(home, "bin") for home in cuda if home] + sorted(glob.glob(packages))
nvdisasm = shutil.which("nvdisasm") or shutil.which("nvdisasm", path=os.pathsep.join(folders))
if nvdisasm:
    config.available_features.add("nvdisasm")
    config.environment["PATH"] += os.pathsep + os.path.dirname(nvdisasm)
if not os.path.exists("/usr/local/cuda/bin/ptxas"):
    config.available_features.add("no-installed-cuda")
