// SPDX-License-Identifier: Apache-2.0
// What a tool is: its declared facts, which policy reads, and the function that runs it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agents/agents.h"
#include "base/json.h"
#include "guard/label.h"
#include "guard/request.h"

namespace plinth::agents {

// The closed set that policies know: see default.cedar.
enum class ToolEffect : uint8_t { compute, read, write, network, memory_write };
std::string_view tool_effect_name(ToolEffect effect);

// What a result may be trusted as: input (no more than what went in), or untrusted (someone else's
// words).
enum class OutputTrust : uint8_t { input, untrusted };
std::string_view output_trust_name(OutputTrust trust);

enum class ParameterType : uint8_t { text, integer };

struct ToolParameter {
  std::string_view name;
  ParameterType type = ParameterType::text;
  bool is_required = true;
  std::string_view description;
  size_t bytes_max = 1024;  // text
  int64_t min = 0;          // integer
  int64_t max = 0;
};

struct ToolOutput {
  std::string text;
  bool is_error = false;
  guard::Label label;  // of this result alone; the caller joins it to the context's
};

// Everything one execution needs.
struct ToolCallContext {
  const AgentsOptions& node;
  const guard::Request&
      request;        // delegated; its label is that of everything the arguments came from
  std::string owner;  // the principal the work is for
  std::string workspace;
  std::string space;
  std::span<const std::string> http_hosts;
  std::string key;  // idempotency key
  Duration time_max = std::chrono::seconds(10);
};

struct ToolRow;
// Errors become text for the model; they never end a run.
using ExecuteTool = Result<ToolOutput> (*)(const ToolRow&, const ToolCallContext&,
                                           const Json& arguments);

struct ToolRow {
  std::string_view name;
  std::string_view description;
  std::span<const ToolParameter> parameters;
  ToolEffect effect;
  // Repeating a call with its key has no second effect.
  bool is_idempotent;
  OutputTrust output_trust;
  bool needs_sandbox;
  std::string_view sink_parameter;  // the argument that says where data goes; empty: no sink
  std::string_view sink_kind;       // "file" | "web"
  ExecuteTool execute;
};

}  // namespace plinth::agents
