// SPDX-License-Identifier: Apache-2.0
// Tool arguments as a model may write them: the first byte picks the tool. What is accepted fits
// the schema, and its sink and path rules can be asked about.
#include "agents/tools/arguments.h"

#include "agents/tools/catalog.h"
#include "agents/tools/sink.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto tools = plinth::agents::tool_table();
  const auto& row = tools[data[0] % tools.size()];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto arguments = plinth::agents::parse_arguments(row, text);
  if (arguments.is_error()) return 0;
  CHECK(plinth::agents::check_arguments(row, *arguments).is_ok());
  if (const auto sink = plinth::agents::sink_of(row, *arguments)) {
    plinth::agents::is_named_in_goal(*sink, text);
  }
  return 0;
}
