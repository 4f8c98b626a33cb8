// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attention becomes tasks, and a task the code of one thread of a warp-specialised block for sm_90a: a producer
// that brings tiles by TMA, consumers that compute on them with wgmma.
#include "../GpuCommon/Launches.h"
#include "../GpuCommon/Output.h"
#include "Consumer.h"
#include "fovea/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

namespace fovea {
#define GEN_PASS_DEF_CONVERTATTNTOHOPPER
#include "fovea/Conversion/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

class KernelEmitter {
public:
  KernelEmitter(AttentionOp op, const HopperGeometry &geometry, OpBuilder &builder)
      : op(op), geometry(geometry), b(op.getLoc(), builder), softmax(op), problem(b, op),
        pipeline(b, thread, this->geometry, op.getLayout()) {}

  void run() {
    problem.check(b);
    Value tiles = arith::CeilDivUIOp::create(b, problem.query.rows, b.index(geometry.rows));
    auto taskOp = TaskOp::create(b, problem.query.batches, problem.query.heads, tiles, *op.getSchedule());
    b.setInsertionPointToStart(&taskOp.getBody().front());
    TileRows rows(b, problem, taskOp.getBody().getArguments(), geometry.rows);
    Task task(b, problem, rows, geometry.keys, b.index(0), problem.key.rows);
    emitTask(task);
    op.erase();
  }

private:
  void emitTask(Task &task);
  void produce(Task &task, Value first);
  void reallocate(NVVM::SetMaxRegisterAction action, uint32_t registers);

  AttentionOp op;
  HopperGeometry geometry;
  WarpEmitter b;
  Softmax softmax;
  Problem problem;
  Thread thread;
  Pipeline pipeline;
};

void KernelEmitter::emitTask(Task &task) {
  auto sharedType = LLVM::LLVMPointerType::get(b.getContext(), unsigned(NVVM::NVVMMemorySpace::Shared));
  thread.id = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  thread.lane = b.rem(thread.id, kWarpLanes);
  thread.shared = LLVM::AddressOfOp::create(b, sharedType, kSharedName);
  pipeline.initialize();
  Value first = task.nextVisible(task.keyBegin);
  // The producer is the first warpgroup. Of the registers of three warpgroups it leaves most to the other two.
  constexpr uint32_t kProducerRegisters = 40, kConsumerRegisters = 232;
  auto branch = scf::IfOp::create(b, b.less(thread.id, b.i32(kWarpgroupThreads)), /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  reallocate(NVVM::SetMaxRegisterAction::decrease, kProducerRegisters);
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread.id, b.i32(0));
  b.when(isFirst, [&] { produce(task, first); });
  b.setInsertionPointToStart(branch.elseBlock());
  reallocate(NVVM::SetMaxRegisterAction::increase, kConsumerRegisters);
  thread.warp = b.div(b.add(thread.id, -kWarpgroupThreads), kWarpLanes);
  Consumer consumer(b, thread, geometry, pipeline, problem, task, softmax);
  storeOutput(b, problem, softmax, thread, task.rows, consumer.emit(first));
}

/// A block of two warpgroups has registers enough.
void KernelEmitter::reallocate(NVVM::SetMaxRegisterAction action, uint32_t registers) {
  Purpose purpose(b, "reallocation of registers");
  if (geometry.consumers() > 1)
    NVVM::SetMaxRegisterOp::create(b, registers, action);
}

/// One thread walks the same blocks as the consumers. Without a block it brings nothing: what is still on its way when
/// a block of threads ends would land in the next one's memory.
void KernelEmitter::produce(Task &task, Value first) {
  const TileRows &rows = task.rows;
  Value batch = b.toI32(rows.batch), kvHead = b.toI32(problem.kvHead(b, rows.head));
  auto inside = [&](Value key) { return b.less(key, task.keyEnd); };
  b.when(inside(first),
         [&] { pipeline.produce(Source::Query, {b.i32(0), b.i32(0)}, b.toI32(rows.row), b.toI32(rows.head), batch); });
  b.loop(
      {first, b.i32(0)}, [&](ValueRange now) { return inside(now[0]); },
      [&](ValueRange now) -> Values {
        Value row = b.toI32(now[0]);
        Slot slot = pipeline.slot(now[1]);
        pipeline.produce(Source::Key, slot, row, kvHead, batch);
        pipeline.produce(Source::Value, slot, row, kvHead, batch);
        return {task.nextVisible(b.add(now[0], geometry.keys)), b.add(now[1], 1)};
      });
}

/// Why this schedule cannot be had, or "".
std::string faultOf(AttentionOp op) {
  Type element = op.getQueryType().getElementType();
  ScheduleAttr schedule = *op.getSchedule();
  if (!element.isF16() && !element.isBF16())
    return "they multiply f16 or bf16";
  int64_t size = op.getKeyHeadSize();
  if (size != op.getValueHeadSize() || (size != 64 && size != 128))
    return "they take equal head sizes of 64 or 128";
  if (schedule.getQueryTile() > 2 * kWarpgroupRows)
    return "a block has at most two of them for its query rows: query_tile is 64 or 128";
  if (schedule.getKeyBlock() % kMmaDepth != 0 || schedule.getKeyBlock() > 256)
    return "key_block is a multiple of 16 up to 256";
  for (Value tensor : {op.getQuery(), op.getKey(), op.getValue()})
    if (!isa<BlockArgument>(tensor))
      return "query, key and value are arguments of the kernel as they are: a tensor map is of a whole argument";
  return "";
}

struct ConvertAttnToHopperPass : fovea::impl::ConvertAttnToHopperBase<ConvertAttnToHopperPass> {
  using ConvertAttnToHopperBase::ConvertAttnToHopperBase;

  void runOnOperation() override {
    Launches launches(getOperation());
    int64_t maps = 0;
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      for (AttentionOp op : llvm::to_vector(function.getOps<AttentionOp>())) {
        bool isForWarpgroups = op.getSchedule() && op.getSchedule()->getPanel() == kWarpgroupRows;
        if (!isForWarpgroups || op.isPointwise() || op.isLatent() || op.hasRope() || op.hasFar() || op.hasNorm() ||
            op.getAdditive())
          continue; // --convert-attn-to-gpu takes it, or says why it has no GPU code
        if (failed(convert(function, op, launches)))
          return signalPassFailure();
        maps = 3;
      }
    launches.record(kTileAlignment);
    OpBuilder b = OpBuilder::atBlockBegin(getOperation().getBody());
    for (int64_t map = 0; map < maps; ++map)
      LLVM::GlobalOp::create(b, getOperation().getLoc(), LLVM::LLVMArrayType::get(b.getI8Type(), kTensorMapBytes),
                             /*isConstant=*/true, LLVM::Linkage::External, tensorMapName(map), Attribute());
  }

private:
  static constexpr int64_t kTensorMapBytes = 128;

  LogicalResult convert(func::FuncOp function, AttentionOp op, Launches &launches) {
    if (!isa<MemRefType>(op.getQuery().getType()))
      return op.emitOpError("is on tensors; bufferize before this pass (phase 4)");
    if (std::string fault = faultOf(op); !fault.empty())
      return op.emitOpError() << "has a schedule for warpgroups (panel = 64), and " << fault
                              << "; with panel = 16 it is one for warps";
    if (stages < 2)
      return op.emitOpError() << "cannot be computed in " << stages.getValue() << " stages; two are the least";
    HopperGeometry geometry(*op.getSchedule(), stages, op.getKeyHeadSize(), op.getQueryType().getElementType());
    if (geometry.sharedBytes() > sharedBytes)
      return op.emitOpError() << "needs " << geometry.sharedBytes() << " bytes of shared memory for its tiles, and the "
                              << "target has " << sharedBytes.getValue() << "; use a smaller key_block or query_tile";
    launches.add(function.getName(), {geometry.threads(), geometry.sharedBytes(), alignedParams(op),
                                      /*blocksPerMultiprocessor=*/0, describeMaps(op, geometry)});
    if (failed(addFallback(function, op)))
      return failure();
    OpBuilder builder(op);
    KernelEmitter(op, geometry, builder).run();
    return success();
  }

  /// The same function with a schedule for warps, which --convert-attn-to-gpu takes: tiles of as many rows, since both
  /// share the tasks, and key blocks that divide these.
  static LogicalResult addFallback(func::FuncOp function, AttentionOp op) {
    auto module = function->getParentOfType<ModuleOp>();
    std::string name = fallbackName(function.getName());
    if (Operation *other = module.lookupSymbol(name)) {
      if (other->getAttr(kFallbackOf) == function.getSymNameAttr())
        return success(); // a second attention, which --attn-outline-tasks refuses
      InFlightDiagnostic error = function.emitError("kernel '")
                                 << function.getName() << "' has a fallback '" << name << "', which exists already";
      error.attachNote(other->getLoc()) << "rename this one";
      return error;
    }
    OpBuilder b(function.getContext());
    b.setInsertionPointAfter(function);
    auto fallback = cast<func::FuncOp>(b.clone(*function));
    fallback.setName(name);
    fallback->setAttr(kFallbackOf, function.getSymNameAttr());
    ScheduleAttr schedule = *op.getSchedule();
    constexpr int64_t kMmaKeys = 8;
    auto ofWarps = ScheduleAttr::get(b.getContext(), schedule.getQueryTile(), keysOfWarps(schedule.getKeyBlock()),
                                     /*lanes=*/1, kWarpRows, kMmaKeys);
    for (AttentionOp copy : fallback.getOps<AttentionOp>())
      copy.setScheduleAttr(ofWarps);
    remark::analysis(op.getLoc(), remark::RemarkOpts::name("Fallback").category("attn"))
        << remark::reason("arguments that TMA cannot describe, with strides of 0 or below, are computed by {0} warps "
                          "with mma.sync",
                          ofWarps.getQueryTile() / kWarpRows)
        << remark::metric("key_block", ofWarps.getKeyBlock());
    return success();
  }

  /// The largest divisor of a key block that has registers.
  static int64_t keysOfWarps(int64_t keys) {
    constexpr int64_t kMost = 64;
    int64_t divisor = kMost;
    while (keys % divisor != 0)
      divisor -= kMmaDepth;
    return divisor;
  }

  /// Boxes in the order of the tensors' own dimensions: rows of one sequence and head, a panel of columns.
  ArrayAttr describeMaps(AttentionOp op, const HopperGeometry &geometry) {
    Builder b(&getContext());
    SmallVector<Attribute> maps;
    for (auto [tensor, rows] : {std::pair(op.getQuery(), geometry.rows), std::pair(op.getKey(), geometry.keys),
                                std::pair(op.getValue(), geometry.keys)}) {
      SmallVector<int64_t, 4> box(4, 1);
      box[AttentionOp::dimensionOrder(op.getLayout())[2]] = rows;
      box[3] = kPanelColumns;
      NamedAttrList map;
      map.set("param", b.getI64IntegerAttr(cast<BlockArgument>(tensor).getArgNumber()));
      map.set("box", b.getDenseI64ArrayAttr(box));
      map.set("swizzle", b.getI64IntegerAttr(kSwizzleBytes));
      maps.push_back(map.getDictionary(&getContext()));
    }
    return b.getArrayAttr(maps);
  }
};

} // namespace
