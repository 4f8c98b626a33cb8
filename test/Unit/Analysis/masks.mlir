// Masks of MaskClassifierTest: (b, h, i, j, symbols...) -> i1, one function each. With ordinary symbols at most 1 % of the tiles
// may be missed, that is be EMPTY or FULL and called PARTIAL; none where a mask is `exact`, any number where it is `coarse`.

func.func @full(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %keep = arith.constant true
  return %keep : i1
}
func.func @causal(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %keep = arith.cmpi sge, %i, %j : index
  return %keep : i1
}
func.func @causal_offset(%b: index, %h: index, %i: index, %j: index, %past: index) -> i1 {
  %at = arith.addi %i, %past : index
  %keep = arith.cmpi sge, %at, %j : index
  return %keep : i1
}
func.func @anticausal_negative_constant(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %c = arith.constant -7 : index
  %age = arith.subi %i, %j : index
  %keep = arith.cmpi sle, %age, %c : index
  return %keep : i1
}
func.func @sliding_window(%b: index, %h: index, %i: index, %j: index, %w: index) -> i1 {
  %causal = arith.cmpi sge, %i, %j : index
  %age = arith.subi %i, %j : index
  %near = arith.cmpi slt, %age, %w : index
  %keep = arith.andi %causal, %near : i1
  return %keep : i1
}
func.func @sliding_window_i32(%b: index, %h: index, %i: index, %j: index, %w: i32) -> i1 {
  %i32 = arith.index_cast %i : index to i32
  %j32 = arith.index_cast %j : index to i32
  %causal = arith.cmpi sge, %i32, %j32 : i32
  %age = arith.subi %i32, %j32 : i32
  %near = arith.cmpi slt, %age, %w : i32
  %keep = arith.andi %causal, %near : i1
  return %keep : i1
}
func.func @window_per_head(%b: index, %h: index, %i: index, %j: index, %w: memref<?xi32>) -> i1 {
  %loaded = memref.load %w[%h] : memref<?xi32>
  %size = arith.index_cast %loaded : i32 to index
  %far = math.absi %loaded : i32
  %causal = arith.cmpi sge, %i, %j : index
  %first = arith.subi %i, %size : index
  %near = arith.cmpi slt, %first, %j : index
  %keep = arith.andi %causal, %near : i1
  return %keep : i1
}
func.func @window_and_sinks(%b: index, %h: index, %i: index, %j: index, %w: index, %s: index) -> i1 {
  %causal = arith.cmpi sge, %i, %j : index
  %age = arith.subi %i, %j : index
  %near = arith.cmpi slt, %age, %w : index
  %sink = arith.cmpi slt, %j, %s : index
  %either = arith.ori %near, %sink : i1
  %keep = arith.andi %causal, %either : i1
  return %keep : i1
}
func.func @prefix_lm(%b: index, %h: index, %i: index, %j: index, %p: index) -> i1 {
  %causal = arith.cmpi sge, %i, %j : index
  %prefix = arith.cmpi slt, %j, %p : index
  %keep = arith.ori %causal, %prefix : i1
  return %keep : i1
}
func.func @prefix_by_select(%b: index, %h: index, %i: index, %j: index, %p: index) -> i1 {
  %causal = arith.cmpi sge, %i, %j : index
  %row = arith.cmpi slt, %i, %p : index
  %key = arith.cmpi slt, %j, %p : index
  %keep = arith.select %row, %key, %causal : i1
  return %keep : i1
}
func.func @longformer(%b: index, %h: index, %i: index, %j: index, %w: index, %g: index) -> i1 {
  %zero = arith.constant 0 : index
  %back = arith.subi %zero, %w : index
  %age = arith.subi %i, %j : index
  %above = arith.cmpi sge, %age, %back : index
  %below = arith.cmpi sle, %age, %w : index
  %band = arith.andi %above, %below : i1
  %row = arith.cmpi slt, %i, %g : index
  %key = arith.cmpi slt, %j, %g : index
  %global = arith.ori %row, %key : i1
  %keep = arith.ori %band, %global : i1
  return %keep : i1
}
func.func @band_by_absolute(%b: index, %h: index, %i: index, %j: index, %w: index) -> i1 attributes {exact} {
  %age = arith.subi %i, %j : index
  %distance = math.absi %age : index
  %keep = arith.cmpi sle, %distance, %w : index
  return %keep : i1
}
func.func @band_unsigned(%b: index, %h: index, %i: index, %j: index, %w: index) -> i1 attributes {coarse} {
  %age = arith.subi %i, %j : index
  %keep = arith.cmpi ult, %age, %w : index
  return %keep : i1
}
func.func @unsigned_predicates(%b: index, %h: index, %i: index, %j: index, %w: index) -> i1 attributes {coarse} {
  %age = arith.subi %j, %i : index
  %a = arith.cmpi ugt, %age, %i : index
  %b0 = arith.cmpi uge, %w, %j : index
  %c = arith.cmpi ule, %w, %age : index
  %d = arith.cmpi ult, %i, %age : index
  %ab = arith.andi %a, %b0 : i1
  %cd = arith.xori %c, %d : i1
  %keep = arith.ori %ab, %cd : i1
  return %keep : i1
}
func.func @dilated(%b: index, %h: index, %i: index, %j: index) -> i1 {
  %four = arith.constant 4 : index
  %zero = arith.constant 0 : index
  %causal = arith.cmpi sge, %i, %j : index
  %age = arith.subi %i, %j : index
  %phase = arith.remui %age, %four : index
  %hit = arith.cmpi eq, %phase, %zero : index
  %keep = arith.andi %causal, %hit : i1
  return %keep : i1
}
func.func @dilated_symbolic(%b: index, %h: index, %i: index, %j: index, %d: index) -> i1 attributes {coarse} {
  %zero = arith.constant 0 : index
  %causal = arith.cmpi sge, %i, %j : index
  %age = arith.subi %i, %j : index
  %phase = arith.remsi %age, %d : index
  %hit = arith.cmpi eq, %phase, %zero : index
  %keep = arith.andi %causal, %hit : i1
  return %keep : i1
}
func.func @strided_unsigned_100(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {coarse} {
  %period = arith.constant 100 : index
  %limit = arith.constant 30 : index
  %age = arith.subi %i, %j : index
  %phase = arith.remui %age, %period : index
  %keep = arith.cmpi ult, %phase, %limit : index
  return %keep : i1
}
func.func @block_diagonal(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %size = arith.constant 100 : index
  %row = arith.floordivsi %i, %size : index
  %key = arith.floordivsi %j, %size : index
  %keep = arith.cmpi eq, %row, %key : index
  return %keep : i1
}
func.func @block_diagonal_symbolic(%b: index, %h: index, %i: index, %j: index, %size: i64) -> i1 attributes {coarse} {
  %i64 = arith.index_cast %i : index to i64
  %j64 = arith.index_cast %j : index to i64
  %row = arith.divui %i64, %size : i64
  %key = arith.divsi %j64, %size : i64
  %keep = arith.cmpi eq, %row, %key : i64
  return %keep : i1
}
func.func @block_diagonal_shift(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %bits = arith.constant 6 : index
  %row = arith.shrsi %i, %bits : index
  %key = arith.shrui %j, %bits : index
  %keep = arith.cmpi eq, %row, %key : index
  return %keep : i1
}
func.func @chunked_causal(%b: index, %h: index, %i: index, %j: index) -> i1 {
  %size = arith.constant 48 : index
  %causal = arith.cmpi sge, %i, %j : index
  %row = arith.divsi %i, %size : index
  %key = arith.divui %j, %size : index
  %same = arith.cmpi eq, %row, %key : index
  %keep = arith.andi %causal, %same : i1
  return %keep : i1
}
func.func @chunk_local(%b: index, %h: index, %i: index, %j: index) -> i1 {
  %size = arith.constant 64 : index
  %mask = arith.constant 63 : index
  %row = arith.andi %i, %mask : index
  %key = arith.andi %mask, %j : index
  %below = arith.cmpi sle, %key, %row : index
  return %below : i1
}
func.func @neighbourhood(%b: index, %h: index, %i: index, %j: index, %r: index) -> i1 {
  %width = arith.constant 24 : index
  %zero = arith.constant 0 : index
  %back = arith.subi %zero, %r : index
  %xi = arith.remui %i, %width : index
  %yi = arith.divui %i, %width : index
  %xj = arith.remui %j, %width : index
  %yj = arith.divui %j, %width : index
  %dx = arith.subi %xi, %xj : index
  %dy = arith.subi %yi, %yj : index
  %right = arith.cmpi sle, %dx, %r : index
  %left = arith.cmpi sge, %dx, %back : index
  %down = arith.cmpi sle, %dy, %r : index
  %up = arith.cmpi sge, %dy, %back : index
  %inX = arith.andi %right, %left : i1
  %inY = arith.andi %down, %up : i1
  %keep = arith.andi %inX, %inY : i1
  return %keep : i1
}
func.func @neighbourhood_clamped(%b: index, %h: index, %i: index, %j: index, %r: index) -> i1 attributes {coarse} {
  %width = arith.constant 256 : index
  %last = arith.constant 249 : index
  %xi = arith.remui %i, %width : index
  %yi = arith.divui %i, %width : index
  %xj = arith.remui %j, %width : index
  %yj = arith.divui %j, %width : index
  %atLeast = arith.maxsi %xi, %r : index
  %centre = arith.minui %atLeast, %last : index
  %top = arith.maxui %yi, %yj : index
  %dx = arith.subi %centre, %xj : index
  %dy = arith.subi %top, %yj : index
  %distance = math.absi %dx : index
  %inX = arith.cmpi sle, %distance, %r : index
  %inY = arith.cmpi sle, %dy, %r : index
  %keep = arith.andi %inX, %inY : i1
  return %keep : i1
}
func.func @padding(%b: index, %h: index, %i: index, %j: index, %lengths: memref<?xi32>) -> i1 attributes {exact} {
  %loaded = memref.load %lengths[%b] : memref<?xi32>
  %length = arith.index_cast %loaded : i32 to index
  %keep = arith.cmpi slt, %j, %length : index
  return %keep : i1
}
func.func @left_pad_causal(%b: index, %h: index, %i: index, %j: index, %starts: tensor<?xindex>, %lengths: tensor<?xi64>) -> i1 {
  %start = tensor.extract %starts[%b] : tensor<?xindex>
  %loaded = tensor.extract %lengths[%b] : tensor<?xi64>
  %length = arith.index_cast %loaded : i64 to index
  %causal = arith.cmpi sge, %i, %j : index
  %after = arith.cmpi sge, %j, %start : index
  %inside = arith.cmpi slt, %j, %length : index
  %valid = arith.andi %after, %inside : i1
  %keep = arith.andi %causal, %valid : i1
  return %keep : i1
}
func.func @documents_and_causal(%b: index, %h: index, %i: index, %j: index, %documents: memref<?xi32>) -> i1 attributes {coarse} {
  %row = memref.load %documents[%i] : memref<?xi32>
  %key = memref.load %documents[%j] : memref<?xi32>
  %same = arith.cmpi eq, %row, %key : i32
  %causal = arith.cmpi sge, %i, %j : index
  %keep = arith.andi %causal, %same : i1
  return %keep : i1
}
func.func @same_side(%b: index, %h: index, %i: index, %j: index, %p: index) -> i1 {
  %row = arith.cmpi slt, %i, %p : index
  %key = arith.cmpi slt, %j, %p : index
  %keep = arith.cmpi eq, %row, %key : i1
  return %keep : i1
}
func.func @not_same_side(%b: index, %h: index, %i: index, %j: index, %p: index) -> i1 {
  %true = arith.constant true
  %row = arith.cmpi slt, %i, %p : index
  %key = arith.cmpi slt, %j, %p : index
  %same = arith.xori %row, %key : i1
  %flipped = arith.xori %true, %same : i1
  %keep = arith.cmpi ne, %flipped, %true : i1
  return %keep : i1
}
func.func @select_by_parity(%b: index, %h: index, %i: index, %j: index, %p: index, %global: i1) -> i1 {
  %two = arith.constant 2 : index
  %zero = arith.constant 0 : index
  %bit = arith.remsi %i, %two : index
  %even = arith.cmpi eq, %bit, %zero : index
  %reach = arith.select %even, %p, %i : index
  %wide = arith.select %global, %p, %reach : index
  %keep = arith.cmpi sle, %j, %wide : index
  return %keep : i1
}
func.func @ceil_and_minimum(%b: index, %h: index, %i: index, %j: index, %n: index) -> i1 {
  %seven = arith.constant 7 : index
  %three = arith.constant -3 : index
  %age = arith.subi %i, %j : index
  %up = arith.ceildivsi %age, %seven : index
  %key = arith.ceildivui %j, %seven : index
  %low = arith.minsi %up, %key : index
  %high = arith.maxsi %low, %three : index
  %keep = arith.cmpi ne, %high, %n : index
  return %keep : i1
}
func.func @truncated_and_floored(%b: index, %h: index, %i: index, %j: index, %d: index) -> i1 attributes {coarse} {
  %age = arith.subi %i, %j : index
  %toZero = arith.divsi %age, %d : index
  %down = arith.floordivsi %age, %d : index
  %up = arith.ceildivsi %age, %d : index
  %sum = arith.addi %toZero, %down : index
  %limit = arith.addi %up, %j : index
  %keep = arith.cmpi slt, %sum, %limit : index
  return %keep : i1
}
func.func @symbolic_stride(%b: index, %h: index, %i: index, %j: index, %s: index) -> i1 {
  %row = arith.muli %i, %s : index
  %key = arith.muli %s, %j : index
  %distance = arith.subi %row, %key : index
  %limit = arith.muli %i, %j : index
  %keep = arith.cmpi sle, %distance, %limit : index
  return %keep : i1
}
func.func @shifted(%b: index, %h: index, %i: index, %j: index, %s: index) -> i1 {
  %two = arith.constant 2 : index
  %age = arith.subi %i, %j : index
  %big = arith.shli %age, %two : index
  %keep = arith.cmpi sge, %big, %s : index
  return %keep : i1
}
func.func @shift_out_of_range(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {coarse} {
  %many = arith.constant 40 : index
  %big = arith.shli %i, %many : index
  %keep = arith.cmpi sge, %big, %j : index
  return %keep : i1
}
func.func @overflow_i32_sum(%b: index, %h: index, %i: index, %j: index, %s: i32) -> i1 attributes {coarse} {
  %i32 = arith.index_cast %i : index to i32
  %j32 = arith.index_castui %j : index to i32
  %sum = arith.addi %i32, %j32 : i32
  %all = arith.addi %sum, %s : i32
  %zero = arith.constant 0 : i32
  %keep = arith.cmpi sge, %all, %zero : i32
  return %keep : i1
}
func.func @overflow_i32_product(%b: index, %h: index, %i: index, %j: index, %s: i32) -> i1 attributes {coarse} {
  %i32 = arith.index_cast %i : index to i32
  %j32 = arith.index_cast %j : index to i32
  %row = arith.muli %i32, %s : i32
  %keep = arith.cmpi sge, %row, %j32 : i32
  return %keep : i1
}
func.func @narrowed(%b: index, %h: index, %i: index, %j: index, %s: i8) -> i1 attributes {coarse} {
  %i16 = arith.index_cast %i : index to i16
  %j64 = arith.index_castui %j : index to i64
  %j8 = arith.trunci %j64 : i64 to i8
  %back = arith.extsi %j8 : i8 to i16
  %wide = arith.extui %s : i8 to i16
  %shift = arith.addi %i16, %wide : i16
  %keep = arith.cmpi sgt, %shift, %back : i16
  return %keep : i1
}
func.func @booleans_as_numbers(%b: index, %h: index, %i: index, %j: index, %p: index, %flag: i1) -> i1 {
  %causal = arith.cmpi sge, %i, %j : index
  %prefix = arith.cmpi slt, %j, %p : index
  %x = arith.extui %causal : i1 to i32
  %y = arith.extsi %prefix : i1 to i32
  %z = arith.extui %flag : i1 to i32
  %sum = arith.addi %x, %y : i32
  %total = arith.addi %sum, %z : i32
  %zero = arith.constant 0 : i32
  %keep = arith.cmpi sgt, %total, %zero : i32
  return %keep : i1
}
func.func @bits_of_i1(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {coarse} {
  %causal = arith.cmpi sge, %i, %j : index
  %same = arith.cmpi eq, %i, %j : index
  %sum = arith.addi %causal, %same : i1
  %below = arith.cmpi slt, %sum, %causal : i1
  %keep = arith.ori %below, %same : i1
  return %keep : i1
}
func.func @wide_logic(%b: index, %h: index, %i: index, %j: index, %s: index) -> i1 attributes {coarse} {
  %one = arith.constant 1 : index
  %mixed = arith.xori %i, %j : index
  %joined = arith.ori %mixed, %one : index
  %twelve = arith.constant 12 : index
  %some = arith.andi %j, %twelve : index
  %odd = arith.cmpi sle, %joined, %s : index
  %hit = arith.cmpi eq, %some, %twelve : index
  %keep = arith.ori %odd, %hit : i1
  return %keep : i1
}
func.func @uniform_code(%b: index, %h: index, %i: index, %j: index, %n: index, %d: index, %lengths: memref<?xi32>) -> i1 {
  %loaded = memref.load %lengths[%b] : memref<?xi32>
  %length = arith.index_cast %loaded : i32 to index
  %q = arith.divsi %n, %d : index
  %r = arith.remui %length, %d : index
  %product = arith.muli %q, %r : index
  %limit = arith.addi %product, %h : index
  %heads = arith.cmpi slt, %h, %limit : index
  %key = arith.addi %j, %limit : index
  %near = arith.cmpi sle, %key, %i : index
  %keep = arith.andi %heads, %near : i1
  return %keep : i1
}
func.func @rows_only(%b: index, %h: index, %i: index, %j: index, %p: index) -> i1 attributes {exact} {
  %keep = arith.cmpi slt, %i, %p : index
  return %keep : i1
}
func.func @tautology(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {coarse} {
  %before = arith.cmpi sge, %i, %j : index
  %after = arith.cmpi slt, %i, %j : index
  %keep = arith.ori %before, %after : i1
  return %keep : i1
}
func.func @static_tautology(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {exact} {
  %minus = arith.constant -1 : index
  %keep = arith.cmpi sgt, %j, %minus : index
  return %keep : i1
}
func.func @contradiction(%b: index, %h: index, %i: index, %j: index) -> i1 attributes {coarse} {
  %before = arith.cmpi sgt, %i, %j : index
  %after = arith.cmpi slt, %i, %j : index
  %keep = arith.andi %before, %after : i1
  return %keep : i1
}
func.func @float_distance(%b: index, %h: index, %i: index, %j: index, %w: index) -> i1 attributes {coarse} {
  %limit = arith.constant 3.050000e+01 : f32
  %age = arith.subi %i, %j : index
  %age32 = arith.index_cast %age : index to i32
  %distance = arith.sitofp %age32 : i32 to f32
  %near = arith.cmpf olt, %distance, %limit : f32
  %window = arith.cmpi slt, %j, %w : index
  %keep = arith.andi %near, %window : i1
  return %keep : i1
}
