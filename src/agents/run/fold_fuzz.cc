// SPDX-License-Identifier: Apache-2.0
// Journals of any content, one entry per line: refused, or a state from which next() decides
// without harm.
#include "agents/run/fold.h"
#include "agents/run/next.h"
#include "base/check.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth;
  agents::State state;
  for (const auto line : split(std::string_view(reinterpret_cast<const char*>(data), size), '\n')) {
    const auto entry = Json::parse(line);
    if (entry.is_error()) continue;
    if (agents::apply(state, *entry).is_error()) continue;
    const auto effect = agents::next(state, WallTime{state.updated.unix_ms + 1});
    using Kind = agents::Effect::Kind;
    if (state.is_ended()) CHECK(effect.kind == Kind::wait);
    if (effect.kind == Kind::call_tool) CHECK(!state.pending_calls.empty());
    if (effect.kind == Kind::mark_unknown || effect.kind == Kind::ask_unknown) {
      CHECK(state.in_hand.has_value());
    }
    if (effect.is_approved && !effect.is_repeat) CHECK(state.approval.has_value());
  }
  return 0;
}
