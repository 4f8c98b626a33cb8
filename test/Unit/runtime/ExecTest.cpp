// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs on the host's own parallel_for.
#include "RowSum.h"

#include <set>
#include <stdexcept>
#include <thread>

using namespace fovea::test;

namespace {

using Body = void (*)(void *ctx, uint32_t slot);
using ParallelFor = std::function<void(uint32_t n, Body body, void *ctx)>;

struct HostExec : ::testing::Test {
  Answer run(ParallelFor parallelFor, uint32_t slots = 4) {
    fovea_exec exec = makeExec(slots);
    exec.user = &parallelFor;
    exec.parallel_for = [](void *user, uint32_t n, Body body, void *ctx) {
      (*static_cast<ParallelFor *>(user))(n, body, ctx);
    };
    call.clearOutputs();
    return call.run(plan.get(), workspace.get(), &exec);
  }
  void expectInvalid(const Answer &answer, const std::string &message) {
    EXPECT_EQ(answer.status, FOVEA_INVALID);
    EXPECT_EQ(answer.message, message);
  }
  RowSum call{30, 60};
  PlanPtr plan = call.mustPlan(4);
  WorkspaceMemory workspace{plan.get()};
};

const ParallelFor kThreads = [](uint32_t n, Body body, void *ctx) {
  std::vector<std::thread> threads;
  for (uint32_t slot = 0; slot < n; ++slot)
    threads.emplace_back(body, ctx, slot);
  for (std::thread &thread : threads)
    thread.join();
};

const ParallelFor kInOrder = [](uint32_t n, Body body, void *ctx) {
  for (uint32_t slot = 0; slot < n; ++slot)
    body(ctx, slot);
};

} // namespace

TEST_F(HostExec, Threads) {
  for (int repeat = 0; repeat < 20; ++repeat) {
    const Answer answer = run(kThreads);
    ASSERT_EQ(answer.status, FOVEA_OK) << answer.message;
    ASSERT_TRUE(call.isRight());
  }
}

TEST_F(HostExec, AnyOrder) {
  EXPECT_EQ(run(kInOrder).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
  EXPECT_EQ(run([](uint32_t n, Body body, void *ctx) {
              for (uint32_t slot = n; slot-- > 0;)
                body(ctx, slot);
            }).status,
            FOVEA_OK);
  EXPECT_TRUE(call.isRight());
}

TEST_F(HostExec, OneSlotIsTheCallingThread) {
  plan = call.mustPlan(1);
  WorkspaceMemory single(plan.get());
  bool called = false;
  ParallelFor parallelFor = [&](uint32_t, Body, void *) { called = true; };
  fovea_exec exec = makeExec(0);
  exec.user = &parallelFor;
  exec.parallel_for = [](void *user, uint32_t n, Body body, void *ctx) {
    (*static_cast<ParallelFor *>(user))(n, body, ctx);
  };
  EXPECT_EQ(call.run(plan.get(), single.get(), &exec).status, FOVEA_OK);
  EXPECT_FALSE(called);
  EXPECT_TRUE(call.isRight());
}

TEST_F(HostExec, Slots) {
  EXPECT_EQ(run(kInOrder, 0).status, FOVEA_OK);
  expectInvalid(run(kInOrder, 5), "fovea_exec.slots is 5, but the plan was made for 4: use that, 0, or another plan");
}

TEST_F(HostExec, PlannedExecIsGoodForRunsWithFewerTasks) {
  RowSum few(2, 10);
  PlanPtr made = few.mustPlan(4);
  WorkspaceMemory memory(made.get());
  const fovea_exec asked = makeExec(4), got = makeExec(2);
  EXPECT_EQ(few.run(made.get(), memory.get(), &asked).status, FOVEA_OK);
  EXPECT_EQ(few.run(made.get(), memory.get(), &got).status, FOVEA_OK);
}

TEST_F(HostExec, StructSize) {
  fovea_exec exec = makeExec(4);
  exec.struct_size = 0;
  expectInvalid(call.run(plan.get(), workspace.get(), &exec),
                "fovea_exec.struct_size is 0, set it to sizeof(fovea_exec) = 40");
}

TEST_F(HostExec, MissingSlot) {
  const std::string message = "parallel_for must call body(ctx, slot) once for each slot in [0, 4) and return when all "
                              "calls have; 3 ended rightly";
  expectInvalid(run([](uint32_t n, Body body, void *ctx) { kInOrder(n - 1, body, ctx); }), message);
  EXPECT_EQ(run(kThreads).status, FOVEA_OK) << "the workspace is ready again";
  EXPECT_TRUE(call.isRight());
}

TEST_F(HostExec, SlotTwiceOrUnknown) {
  const std::string message = "parallel_for must call body(ctx, slot) once for each slot in [0, 4) and return when all "
                              "calls have; 4 ended rightly";
  for (uint32_t extra : {1u, 4u}) {
    expectInvalid(run([=](uint32_t n, Body body, void *ctx) {
                    kInOrder(n, body, ctx);
                    body(ctx, extra);
                  }),
                  message);
    EXPECT_EQ(run(kThreads).status, FOVEA_OK);
    EXPECT_TRUE(call.isRight());
  }
}

TEST_F(HostExec, Throws) {
  const Answer answer = run([](uint32_t, Body, void *) { throw std::runtime_error("pool is closed"); });
  EXPECT_EQ(answer.status, FOVEA_INTERNAL);
  EXPECT_EQ(answer.message, "pool is closed");
  EXPECT_EQ(run(kThreads).status, FOVEA_OK);
  EXPECT_TRUE(call.isRight());
}
