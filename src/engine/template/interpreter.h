// SPDX-License-Identifier: Apache-2.0
// Runs a parsed template over its variables, within limits: a template can neither run for long nor
// use much memory, whatever it says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/template/syntax.h"
#include "engine/template/value.h"

namespace plinth::engine::templates {

inline constexpr int64_t kStepsMax = 2'000'000;  // nodes visited and items touched
inline constexpr size_t kOutputBytesMax = 16u << 20;
inline constexpr size_t kTextBytesMax = 16u << 20;       // of one value
inline constexpr size_t kTextBytesMadeMax = 256u << 20;  // of all values together
inline constexpr size_t kNamespacesMax = 4096;
inline constexpr size_t kMacrosMax = 1024;  // defined while it runs
inline constexpr int kDepthMax = 400;       // of macros, blocks and expressions inside each other

using Variables = std::vector<std::pair<std::string, Value>>;

// `unix_s` is the time that strftime_now() shows, in UTC. Errors: malformed names the line and the
// cause (also for raise_exception); too_large names the limit.
Result<Text> render(const Block& block, Variables variables, int64_t unix_s = 0);

// What the built-in functions of a template need while it runs: counting, and errors with a line.
class Machine {
 public:
  Error error(const std::string& cause) const;
  Status spend(int64_t steps);
  // For looking for `mark` in `text`, which can take the product of their lengths.
  Status spend_on_search(const Text& text, const Text& mark);
  // Counts the bytes, then makes the value.
  Result<Value> make_text(Text text);
  Result<Value> make_list(List list);

  void set_line(int line) { line_ = line; }

 private:
  int line_ = 0;
  int64_t steps_left_ = kStepsMax;
  size_t text_bytes_left_ = kTextBytesMadeMax;
};

}  // namespace plinth::engine::templates
