// SPDX-License-Identifier: Apache-2.0
// File and compute tools as confined children of the node: this program again, as `tool-exec NAME`,
// seeing only the workspace (writable for write_file alone), without network, with arguments and
// answer through its pipes.
#include <filesystem>

#include "agents/tools/execute.h"
#include "agents/tools/sink.h"
#include "agents/tools/tool_exec.h"
#include "agents/tools/workspace.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr uint64_t kToolMemoryBytesMax = 256u << 20;
constexpr int kToolProcessesMax = 8;

Status make_workspace(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return make_error(ErrorCode::io_failed,
                      "the workspace " + folder + " cannot be made: " + error.message());
  }
  return ok();
}

Result<guard::SandboxSpec> spec_of(const ToolRow& row, const ToolCallContext& context,
                                   const Json& arguments) {
  guard::SandboxSpec spec;
  spec.argv = {context.node.tool_program, "tool-exec", std::string(row.name)};
  spec.read_only_paths = {context.node.tool_program};
  if (row.effect != ToolEffect::compute) {
    TRY(make_workspace(context.workspace));
    auto& paths = row.effect == ToolEffect::write ? spec.writable_paths : spec.read_only_paths;
    paths.push_back(context.workspace);
    spec.working_folder = context.workspace;
  }
  spec.standard_input = Json::object({{"key", context.key}, {"arguments", arguments}}).dump();
  spec.time_max = context.time_max;
  spec.memory_bytes_max = kToolMemoryBytesMax;
  // Every character may be escaped to six in the answer.
  spec.output_bytes_max = 6 * kFileBytesMax + 4096;
  spec.processes_max = kToolProcessesMax;
  return spec;
}

// What a file says is somebody's words, private to whom the work is for and to the agent that does
// it.
guard::Label label_of(const ToolRow& row, const ToolCallContext& context, const Json& arguments) {
  if (row.effect != ToolEffect::read) return context.request.label;
  const std::string id = source_id_of_file(arguments["path"].as_string());
  return guard::Label::of(
      guard::Source{"file", id, guard::Trust::untrusted},
      guard::Confidentiality::only({context.owner, context.request.principal.id}));
}

bool is_cut_off(const ProcessOutcome& outcome) {
  return outcome.is_timed_out || outcome.is_signaled;
}

Result<std::string> answer_text(const ProcessOutcome& outcome) {
  if (is_cut_off(outcome)) {
    return make_error(
        ErrorCode::deadline_exceeded,
        std::string("the tool was ended by ") +
            (outcome.is_timed_out ? "its time limit" : "signal " + std::to_string(outcome.signal)) +
            "; whether it had an effect is not known");
  }
  if (outcome.exit_code != 0 || outcome.is_output_cut) {
    return make_error(ErrorCode::internal,
                      "the tool ended with code " + std::to_string(outcome.exit_code));
  }
  const Json answer = TRY(Json::parse(outcome.standard_output));
  if (answer["ok"].as_bool()) return answer["text"].as_string();
  const std::string& error = answer["error"].as_string();
  return make_error(ErrorCode::invalid_argument, error.empty() ? "the tool gave no reason" : error);
}

// A child that was cut off is started once more: with the same key it finishes what it had begun.
Result<ProcessOutcome> run_to_its_end(guard::Sandbox& sandbox, const guard::SandboxSpec& spec,
                                      bool is_idempotent) {
  ProcessOutcome outcome = TRY(sandbox.run(spec));
  if (is_cut_off(outcome) && is_idempotent) outcome = TRY(sandbox.run(spec));
  return outcome;
}

}  // namespace

Result<ToolOutput> execute_sandboxed(const ToolRow& row, const ToolCallContext& context,
                                     const Json& arguments) {
  const auto spec = TRY(spec_of(row, context, arguments));
  const auto outcome = TRY(run_to_its_end(context.node.sandbox, spec, row.is_idempotent));
  ToolOutput output;
  output.label = label_of(row, context, arguments);
  const auto text = answer_text(outcome);
  output.is_error = text.is_error();
  output.text = text.is_ok() ? *text : "error: " + text.error().message;
  return output;
}

}  // namespace plinth::agents
