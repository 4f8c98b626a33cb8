import os
import platform
import shutil
import sys

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
config.substitutions.append(("%fake-driver", os.path.join(config.fovea_build, "test", "FakeDriver")))
if os.path.isdir(os.path.join(config.fovea_build, "python", "fovea")):
    config.available_features.add("python-package")
config.available_features.add(f"host={platform.machine()}")
# Other machines' programs: a test names what it needs, and where that is absent it is skipped with these names.
for program in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
    if shutil.which(program):
        config.available_features.add(program)
# Programs of the CUDA toolkit are looked for as the compiler does, and a test that needs one is skipped where it is absent.
cuda = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
for program in ("ptxas", "fatbinary"):
    found = shutil.which(program) or next(
        (path for home in cuda if home and os.access(path := os.path.join(home, "bin", program), os.X_OK)), None)
    if found:
        config.available_features.add(program)
        config.environment["PATH"] += os.pathsep + os.path.dirname(found)
# So is the disassembler; the package nvidia-cuda-nvdisasm has it, too.
installed = [os.path.join(path, *rest) for path in sys.path for rest in (["nvidia", "cu13", "bin"], ["nvidia", "cuda_nvdisasm", "bin"])]
for folder in [os.path.join(home, "bin") for home in cuda if home] + installed:
    config.environment["PATH"] += os.pathsep + folder if os.access(os.path.join(folder, "nvdisasm"), os.X_OK) else ""
if shutil.which("nvdisasm", path=config.environment["PATH"]) or shutil.which("cuobjdump", path=config.environment["PATH"]):
    config.available_features.add("nvdisasm")
if not os.path.exists("/usr/local/cuda/bin/ptxas"):
    config.available_features.add("no-installed-cuda")
