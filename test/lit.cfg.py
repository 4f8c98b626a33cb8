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
