// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ModuleText.h"

using namespace fovea::test;

static std::string tensorType(const Spec &spec, int64_t columns) {
  return "tensor<?x?x?x" + std::to_string(columns) + "xf32>";
}

std::string fovea::test::moduleText(const Spec &spec) {
  std::string key = tensorType(spec, spec.keySize), value = tensorType(spec, spec.valueSize);
  std::string offsetType = spec.offset == Offset::Scalar ? "index" : "tensor<?xi32>";
  std::string results = spec.lse ? value + ", tensor<?x?x?xf32>" : value;
  std::string text = "func.func @main(%q: " + key + ", %k: " + key + ", %v: " + value;
  if (spec.offset != Offset::None)
    text += ", %offset: " + offsetType;
  if (!spec.parameters.empty())
    text += ", " + spec.parameters;
  text += ") -> (" + results + ") {\n  %o" + (spec.lse ? ":2" : "") + " = attn.attention %q, %k, %v";
  if (spec.offset != Offset::None)
    text += " q_offset %offset";
  if (!spec.scale.empty())
    text += " scale " + spec.scale;
  text += " layout <" + spec.layout + ">";
  if (!spec.schedule.empty())
    text += " schedule <" + spec.schedule + ">";
  if (!spec.score.empty())
    text += "\n    score (%s, %b, %h, %i, %j) {\n" + spec.score + "    }";
  if (!spec.mask.empty())
    text += "\n    mask (%b, %h, %i, %j) {\n" + spec.mask + "    }";
  text += " : (" + key + ", " + key + ", " + value;
  if (spec.offset != Offset::None)
    text += ", " + offsetType;
  text += ") -> (" + results + ")\n  return " + (spec.lse ? "%o#0, %o#1" : "%o") + " : " + results + "\n}\n";
  return text;
}

const std::vector<Variant> &fovea::test::variants() {
  static const std::vector<Variant> all = {{"loops", "loops", ""},
                                           {"host", "host", ""},
#if defined(__x86_64__)
                                           {"baseline", "cpu:x86-64", ""},
#endif
                                           {"lanes16", "host", kSchedules[0]},
                                           {"lanes8", "host", kSchedules[1]},
                                           {"lanes4", "host", kSchedules[2]},
                                           {"odd", "host", kSchedules[3]}};
  return all;
}
