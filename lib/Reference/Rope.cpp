// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary embeddings by the formula: a pair of columns and an angle at a time.
#include "Rope.h"

#include "Attention.h"

using namespace mlir;
using namespace fovea::reference;
using fovea::attn::AttentionOp;
using fovea::attn::Pairing;

FailureOr<TensorRef> fovea::reference::rotate(Operation *op, const TensorRef &rows, ValueRange tables, Pairing pairing,
                                              attn::Layout layout, ArrayRef<int64_t> offsets, Lookup lookup) {
  SmallVector<TensorRef> arrays;
  for (Value table : tables) {
    const RuntimeValue *known = lookup(table);
    if (!known || !std::holds_alternative<TensorRef>(*known))
      return op->emitError() << "the reference does not know an array of a rotary embedding";
    arrays.push_back(std::get<TensorRef>(*known));
  }
  const HostTensor &cos = *arrays[0], &sin = *arrays[1];
  SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(layout);
  int64_t batches = rows->shape[order[0]], heads = rows->shape[order[1]], count = rows->shape[order[2]];
  int64_t columns = rows->shape[3], pairs = cos.shape.back();
  bool isPerRow = cos.shape.size() == 3;
  const HostTensor &perRow = arrays.size() == 3 ? *arrays[2] : cos;
  if (cos.shape != sin.shape || 2 * pairs > columns ||
      ((isPerRow || arrays.size() == 3) && (perRow.shape[0] != batches || perRow.shape[1] != count)))
    return op->emitError() << "cos " << formatShape(cos.shape) << ", sin " << formatShape(sin.shape) << " and rows "
                           << formatShape(rows->shape) << " do not fit together";

  auto rotated = std::make_shared<HostTensor>(HostTensor::zeros(DType::F64, rows->shape));
  Strides strides(rows->shape, layout);
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t n = 0; n < count; ++n) {
      int64_t at = isPerRow ? b * count + n : arrays.size() == 3 ? arrays[2]->intAt(b * count + n) : offsets[b] + n;
      if (at < 0 || at >= cos.size() / pairs)
        return op->emitError() << "row " << n << " of sequence " << b << " stands at " << at << ", but cos and sin have "
                               << cos.size() / pairs << " rows";
      for (int64_t h = 0; h < heads; ++h) {
        int64_t row = b * strides.batch + h * strides.head + n * strides.position;
        double *out = rotated->data<double>() + row;
        for (int64_t d = 2 * pairs; d < columns; ++d)
          out[d] = rows->floatAt(row + d);
        for (int64_t f = 0; f < pairs; ++f) {
          int64_t low = pairing == Pairing::Half ? f : 2 * f, high = pairing == Pairing::Half ? f + pairs : 2 * f + 1;
          double x = rows->floatAt(row + low), y = rows->floatAt(row + high);
          double c = cos.floatAt(at * pairs + f), s = sin.floatAt(at * pairs + f);
          out[low] = x * c - y * s;
          out[high] = y * c + x * s;
        }
      }
    }
  return rotated;
}
