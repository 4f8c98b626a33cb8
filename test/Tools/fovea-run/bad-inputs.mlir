// Every input that is wrong says which one, what is wrong and what works. Exit status 1, nothing on standard output.
// DEFINE: %{run} = not fovea-run %S/window.mlir
// DEFINE: %{npy} = %python %S/Inputs/npy.py

// RUN: not fovea-run %t.nowhere.mlir 2>&1 | FileCheck %s --check-prefix=NOFILE
// NOFILE: error: {{.*}}.nowhere.mlir: cannot read it

// RUN: %{run} --function=other --input=3=40 --dims=B=1,Nq=4,Nk=4 2>&1 | FileCheck %s --check-prefix=FUNCTION
// FUNCTION: error: {{.*}}'other'{{.*}}'main'

// RUN: %{run} --input=3=40 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: the size of 'B' (query.0), 'Nq' (query.2) is not known: give it with --dims=B=..., or an --input for 'query'

// RUN: %{run} --input=3=40 --dims=Nz=3 2>&1 | FileCheck %s --check-prefix=DIM
// DIM: error: --dims=Nz=3: no dimension is called 'Nz'; known are B, D, Hkv, Hq, Nk, Nq, query.0

// RUN: %{run} --input=3=40 --dims=Nq=-3 2>&1 | FileCheck %s --check-prefix=SIZE
// SIZE: error: --dims=Nq=-3: expected NAME=SIZE with a size of at least 0

// RUN: %{run} --input=3=40 --dims=Hq=8 2>&1 | FileCheck %s --check-prefix=STATIC
// STATIC: error: --dims=Hq=8 says that 'Hq' (query.1) is 8, but the type of 'query' says 4

// RUN: %{run} --input=3=40 --dims=B=1,Nq=1000000000,Nk=4 2>&1 | FileCheck %s --check-prefix=MEMORY
// MEMORY: error: the arguments take {{[0-9]+}} MiB, but this machine has

// RUN: %{run} --input=3=40 --dims=B=1,Nq=1000000000000000000,Nk=4 2>&1 | FileCheck %s --check-prefix=ADDRESS
// ADDRESS: error: 'query': the shape [1, 4, 1000000000000000000, 32] is larger than the address space

// RUN: %{run} --dims=B=1,Nq=4,Nk=4 2>&1 | FileCheck %s --check-prefix=SCALAR
// SCALAR: error: input 'window' is not given, and a random one would mean nothing: add --input=window=128

// RUN: %{run} --input=3=many 2>&1 | FileCheck %s --check-prefix=NUMBER
// NUMBER: error: input '{{.*}}': 'many' is not an integer

// RUN: %{run} --input=nothing=1 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: --input=nothing=1: no input is called 'nothing'; the inputs are query, key, value,

// RUN: %{run} --input=3=1 --input=3=2 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: error: --input=3=2: '{{.*}}' is given twice

// RUN: %{run} --input=a --input=b --input=c --input=d --input=e 2>&1 | FileCheck %s --check-prefix=MANY
// MANY: error: --input=e: there are more inputs than the kernel takes

// RUN: %{run} --input=query=%s 2>&1 | FileCheck %s --check-prefix=NOTNPY
// NOTNPY: error: input 'query', {{.*}}bad-inputs.mlir: not an .npy file

// RUN: %{npy} %t.f64.npy '<f8' 1x4x3x32
// RUN: %{run} --input=query=%t.f64.npy 2>&1 | FileCheck %s --check-prefix=DTYPE
// DTYPE: error: input 'query', {{.*}}.f64.npy: holds float64, but the kernel takes float32; convert it with array.astype(numpy.float32)

// RUN: %{npy} %t.big.npy '>f4' 1x4x3x32
// RUN: %{run} --input=query=%t.big.npy 2>&1 | FileCheck %s --check-prefix=BIG
// BIG: error: input 'query', {{.*}}: its dtype '>f4' is big-endian

// RUN: %{npy} %t.rank.npy '<f4' 4x3x32
// RUN: %{run} --input=query=%t.rank.npy 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: error: input 'query', {{.*}}: has shape [4, 3, 32], but the kernel takes rank 4

// RUN: %{npy} %t.q.npy '<f4' 2x4x3x32 1 2 3
// RUN: %{npy} %t.k.npy '<f4' 1x2x5x32 1 2
// RUN: %{run} --input=%t.q.npy --input=%t.k.npy --input=3=40 2>&1 | FileCheck %s --check-prefix=SHAPES
// SHAPES: error: {{.*}}.k.npy says that 'B' (key.0) is 1, but {{.*}}.q.npy says 2

// RUN: %{run} --input=3=40 --dims=B=1,Nq=4,Nk=4 --output=%t.nowhere/o.npy 2>&1 | FileCheck %s --check-prefix=WRITE
// WRITE: error: --output={{.*}}nowhere/o.npy: No such file or directory

// RUN: %{run} --input=3=40 --output=%t.1 --output=%t.2 --output=%t.3 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// OUTPUTS: error: --output is given 3 times, but 'main' has 2 outputs

// RUN: %{run} --input=3=40 --from=later 2>&1 | FileCheck %s --check-prefix=PHASE
// PHASE: error: unknown phase 'later'

// A reference that is of another function.
// RUN: sed 's/@main/@other/' %S/window.mlir > %t.name.mlir
// RUN: %{run} --input=3=40 --dims=B=1,Nq=4,Nk=4 --check --reference=%t.name.mlir 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: {{.*}}.name.mlir: has no function 'main' for the reference

// RUN: echo 'func.func @main(%%q: tensor<4xf32>) -> tensor<4xf32> { return %%q : tensor<4xf32> }' > %t.signature.mlir
// RUN: %{run} --input=3=40 --dims=B=1,Nq=4,Nk=4 --check --reference=%t.signature.mlir 2>&1 | FileCheck %s --check-prefix=SIGNATURE
// SIGNATURE: error: {{.*}}.signature.mlir: function 'main' has 1 inputs and 1 outputs, but the compiled kernel has 4 and 2

// RUN: %{run} --target=abacus 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: unknown target 'abacus'; targets are
