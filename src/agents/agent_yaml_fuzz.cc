// SPDX-License-Identifier: Apache-2.0
// Agent files of any bytes: refused with a reason, or a spec that survives its own JSON.
#include "agents/agents.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto agent =
      plinth::agents::parse_agent(std::string_view(reinterpret_cast<const char*>(data), size));
  if (agent.is_error()) {
    CHECK(!agent.error().message.empty());
    return 0;
  }
  const auto again = plinth::agents::agent_from_json(agent->to_json());
  CHECK(again.is_ok());
  CHECK(again->to_json() == agent->to_json());
  return 0;
}
