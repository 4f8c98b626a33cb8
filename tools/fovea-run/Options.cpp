// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Options.h"

#include "Fail.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"

namespace cl = llvm::cl;

static constexpr const char *kOverview = R"(Compiles an .mlir file with attn.attention and runs it here.

EXAMPLES:
  fovea-run f.mlir --dims=B=1,Nq=4096,Nk=4096 --check --bench
      random inputs (missing float tensors come from --seed), compared with the fp64 reference, timed
  fovea-run f.mlir --input=q.npy --input=k.npy --input=v.npy --input=window=512 --output=o.npy
      inputs in argument order or as NAME=FILE; integers as NAME=VALUE
  fovea-run f.mlir --dims=B=1,Nq=4096,Nk=4096 --explain --map=tiles.svg
      why it is fast, or not: the schedule, what is proven of the mask, what is skipped
  fovea-run f.mlir --target=loops --dump=phases --check
      the scalar target, every phase written to phases/
  fovea-run f.mlir --dims=B=1,Nq=4096,Nk=4096 --target=cuda:sm_90 --check --bench
      on the first GPU, the arguments copied there and the outputs back, timed on the device
  fovea-run f.mlir --dims=B=1,Nq=200,Nk=200 --target=sim:sm_80 --check
      the code of a GPU, in a simulator that watches for races; sim:sm_80+seed=1 runs warps in another order
  fovea-run phases/05-schedule.mlir --from=schedule --reference=f.mlir --check
      starts from a dump, compared with what the original file means

EXIT STATUS:
  0 right   1 bad input   2 --check failed   3 not supported on this machine
)";

fovea::run::Options fovea::run::parseOptions(int argc, char **argv) {
  cl::ResetCommandLineParser(); // LLVM's own options, --threads among them
  cl::OptionCategory category("fovea-run options");
  cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("F.mlir"), cl::cat(category));
  cl::opt<std::string> function("function", cl::desc("Kernel to run; needed when there are several"),
                                cl::value_desc("NAME"), cl::cat(category));
  cl::list<std::string> inputs(
      "input", cl::desc("An input: .npy file, .safetensors[:TENSOR] or number; in order, by name or index"),
      cl::value_desc("[NAME=]x.npy"), cl::cat(category));
  cl::list<std::string> outputs("output", cl::desc("Where to write the outputs, in order"), cl::value_desc("y.npy"),
                                cl::cat(category));
  cl::list<std::string> dims("dims", cl::CommaSeparated, cl::cat(category), cl::value_desc("Nq=4096,query.0=2,..."),
                             cl::desc("Sizes by attn.dims name, or by ARGUMENT.DIMENSION"));
  cl::opt<uint64_t> seed("seed", cl::desc("Of the normally distributed inputs that are not given"), cl::init(0),
                         cl::cat(category));
  cl::opt<unsigned> threads("threads", cl::desc("0: one per hardware thread"), cl::init(0), cl::cat(category));
  cl::opt<std::string> target("target", cl::desc("host, loops, cpu:ARCH[+feature...], cuda:sm_80, sim:sm_80"),
                              cl::init("host"), cl::cat(category));
  cl::opt<bool> check("check", cl::desc("Compare with the fp64 reference; above its error bound is failure"),
                      cl::cat(category));
  cl::opt<bool> bench("bench", cl::desc("Median time, GFLOP/s and share of the machine's measured peak"),
                      cl::cat(category));
  cl::opt<bool> explain("explain", cl::cat(category),
                        cl::desc("Say what was decided, proven and skipped, with a map of the tiles"));
  cl::opt<std::string> map("map", cl::value_desc("tiles.svg"), cl::cat(category),
                           cl::desc("Draw which tiles are skipped, masked and full, and the tasks over them"));
  cl::opt<bool> json("json", cl::desc("Report as JSON"), cl::cat(category));
  cl::opt<std::string> dump("dump", cl::desc("Write every phase to this directory"), cl::value_desc("DIR"),
                            cl::cat(category));
  cl::opt<std::string> from("from", cl::desc("The phase that F.mlir is in, by name or number"), cl::value_desc("PHASE"),
                            cl::cat(category));
  cl::opt<std::string> reference(
      "reference", cl::value_desc("G.mlir"), cl::cat(category),
      cl::desc("What to check against, when F.mlir is a dump that the reference cannot read"));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  if (!dump.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(dump))
      fail("--dump=" + dump + ": cannot make this directory: " + error.message());
  if (threads > 1024)
    fail("--threads=" + llvm::Twine(threads) + ": at most 1024 are supported");
  return {file,   reference, function, inputs, outputs, dims, seed,    threads,
          target, from,      dump,     check,  bench,   json, explain, map};
}
