// RUN: fovea-opt %s --split-input-file --verify-diagnostics

// Attributes of arguments and results.

// expected-error@+1 {{'func.func' op 'attn.dims' must be an array of strings, got [1]}}
func.func private @f(tensor<4xf32> {attn.dims = [1]})

// -----

// expected-error@+1 {{'func.func' op 'attn.dims' must be an array of strings, got "N"}}
func.func private @f(tensor<4xf32> {attn.dims = "N"})

// -----

// expected-error@+1 {{'func.func' op 'attn.dims' names 1 dimensions, but 'tensor<4x4xf32>' has 2}}
func.func private @f(tensor<4x4xf32> {attn.dims = ["N"]})

// -----

// expected-error@+1 {{'func.func' op 'attn.dims' names dimensions, but 'index' has none}}
func.func private @f(index {attn.dims = ["N"]})

// -----

// expected-error@+1 {{'func.func' op 'attn.name' must be a string that is not empty, got ""}}
func.func private @f(index {attn.name = ""})

// -----

// expected-error@+1 {{'func.func' op 'attn.name' must be a string that is not empty, got 3 : i64}}
func.func private @f(index {attn.name = 3})

// -----

// expected-error@+1 {{'func.func' op arguments and results must have different names, but "x" is used twice}}
func.func private @f(index {attn.name = "x"}, index {attn.name = "x"})

// -----

// expected-error@+1 {{'func.func' op does not know attn.dim = "N"; arguments take attn.name, attn.dims and the unit attributes attn.output, attn.sorted and attn.mask_bias}}
func.func private @f(index {attn.dim = "N"})

// -----

// expected-error@+1 {{'func.func' op arguments and results must have different names, but "x" is used twice}}
func.func private @f(index {attn.name = "x"}) -> (index {attn.name = "x"})

// -----

// expected-error@+1 {{'func.func' op 'attn.dims' names 2 dimensions, but 'tensor<4xf32>' has 1}}
func.func private @f() -> (tensor<4xf32> {attn.dims = ["N", "D"]})

// -----

// expected-error@+1 {{'func.func' op 'attn.sorted' is a claim about an array of integers, not about 'tensor<4xf32>'}}
func.func private @f(tensor<4xf32> {attn.sorted})

// -----

// expected-error@+1 {{'func.func' op 'attn.sorted' is a claim about an array of integers, not about 'index'}}
func.func private @f(index {attn.sorted})

// -----

// expected-error@+1 {{'func.func' op 'attn.sorted' is a claim about an array of integers, not about 'tensor<i32>'}}
func.func private @f(tensor<i32> {attn.sorted})

// -----

// expected-error@+1 {{'func.func' op 'attn.sorted' is a claim about an input, not about a result}}
func.func private @f() -> (tensor<4xi32> {attn.sorted})

// -----

// expected-error@+1 {{'func.func' op 'attn.mask_bias' is a claim about an array of floats, not about 'tensor<4xi32>'}}
func.func private @f(tensor<4xi32> {attn.mask_bias})

// -----

// expected-error@+1 {{'func.func' op does not know attn.sorted = 1 : i64; arguments take attn.name, attn.dims and the unit attributes attn.output, attn.sorted and attn.mask_bias}}
func.func private @f(tensor<4xi32> {attn.sorted = 1})
