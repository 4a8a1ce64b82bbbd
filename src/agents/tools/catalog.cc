// SPDX-License-Identifier: Apache-2.0
// The tools of this node. A new tool is one row here and one function in execute.h.
#include "agents/tools/catalog.h"

#include "agents/run/state.h"
#include "agents/tools/execute.h"

namespace plinth::agents {
namespace {

constexpr ToolParameter kReadFile[] = {
    {.name = "path", .description = "File in the workspace, such as notes/today.txt"}};
constexpr ToolParameter kWriteFile[] = {
    {.name = "path", .description = "File in the workspace; folders are made as needed"},
    {.name = "content", .description = "The whole new content", .bytes_max = kArgumentsBytesMax}};
constexpr ToolParameter kListFiles[] = {
    {.name = "path",
     .is_required = false,
     .description = "Folder in the workspace; left out: the workspace itself"}};
constexpr ToolParameter kCalculate[] = {
    {.name = "expression",
     .description = "Arithmetic such as (120+80)*1.5; knows + - * / % ^ and min max abs sqrt "
                    "round floor ceil",
     .bytes_max = 4096}};
constexpr ToolParameter kHttpGet[] = {
    {.name = "url", .description = "http:// or https:// address to fetch", .bytes_max = 4096}};
constexpr ToolParameter kRemember[] = {
    {.name = "text", .description = "What to remember", .bytes_max = 32u << 10}};
constexpr ToolParameter kRecall[] = {
    {.name = "query", .description = "What to look for", .bytes_max = 4096},
    {.name = "limit",
     .type = ParameterType::integer,
     .is_required = false,
     .description = "Most records to return",
     .min = 1,
     .max = 20}};

constexpr ToolRow kTools[] = {
    {.name = "read_file",
     .description = "Reads a text file of the workspace.",
     .parameters = kReadFile,
     .effect = ToolEffect::read,
     .is_idempotent = true,
     .output_trust = OutputTrust::untrusted,
     .needs_sandbox = true,
     .sink_parameter = "",
     .sink_kind = "",
     .execute = execute_sandboxed},
    {.name = "write_file",
     .description = "Writes a whole text file into the workspace.",
     .parameters = kWriteFile,
     .effect = ToolEffect::write,
     .is_idempotent = true,
     .output_trust = OutputTrust::input,
     .needs_sandbox = true,
     .sink_parameter = "path",
     .sink_kind = "file",
     .execute = execute_sandboxed},
    {.name = "list_files",
     .description = "Lists the files in a folder of the workspace.",
     .parameters = kListFiles,
     .effect = ToolEffect::read,
     .is_idempotent = true,
     .output_trust = OutputTrust::untrusted,
     .needs_sandbox = true,
     .sink_parameter = "",
     .sink_kind = "",
     .execute = execute_sandboxed},
    {.name = "calculate",
     .description = "Computes an arithmetic expression exactly where it can.",
     .parameters = kCalculate,
     .effect = ToolEffect::compute,
     .is_idempotent = true,
     .output_trust = OutputTrust::input,
     .needs_sandbox = true,
     .sink_parameter = "",
     .sink_kind = "",
     .execute = execute_sandboxed},
    {.name = "http_get",
     .description = "Fetches a web address and returns its text.",
     .parameters = kHttpGet,
     .effect = ToolEffect::network,
     .is_idempotent = true,
     .output_trust = OutputTrust::untrusted,
     .needs_sandbox = false,
     .sink_parameter = "url",
     .sink_kind = "web",
     .execute = execute_http_get},
    {.name = "remember",
     .description = "Stores a text in memory.",
     .parameters = kRemember,
     .effect = ToolEffect::memory_write,
     .is_idempotent = true,
     .output_trust = OutputTrust::input,
     .needs_sandbox = false,
     .sink_parameter = "",
     .sink_kind = "",
     .execute = execute_remember},
    {.name = "recall",
     .description = "Finds what memory holds about something.",
     .parameters = kRecall,
     .effect = ToolEffect::read,
     .is_idempotent = true,
     .output_trust = OutputTrust::input,
     .needs_sandbox = false,
     .sink_parameter = "",
     .sink_kind = "",
     .execute = execute_recall},
};

Json parameter_schema(const ToolParameter& parameter) {
  Json schema =
      Json::object({{"type", parameter.type == ParameterType::text ? "string" : "integer"},
                    {"description", parameter.description}});
  if (parameter.type == ParameterType::integer) {
    schema.set("minimum", parameter.min);
    schema.set("maximum", parameter.max);
  }
  return schema;
}

}  // namespace

std::string_view tool_effect_name(ToolEffect effect) {
  switch (effect) {
    case ToolEffect::compute:
      return "compute";
    case ToolEffect::read:
      return "read";
    case ToolEffect::write:
      return "write";
    case ToolEffect::network:
      return "network";
    case ToolEffect::memory_write:
      return "memory_write";
  }
  return "unknown";
}

std::string_view output_trust_name(OutputTrust trust) {
  return trust == OutputTrust::input ? "input" : "untrusted";
}

std::span<const ToolRow> tool_table() { return kTools; }

const ToolRow* find_tool(std::string_view name) {
  for (const auto& row : kTools) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string tool_names() {
  std::string names;
  for (const auto& row : kTools) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

protocol::ToolSpec tool_spec(const ToolRow& row) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const auto& parameter : row.parameters) {
    properties.set(parameter.name, parameter_schema(parameter));
    if (parameter.is_required) required.push(parameter.name);
  }
  protocol::ToolSpec spec;
  spec.name = row.name;
  spec.description = row.description;
  spec.parameters = Json::object({{"type", "object"},
                                  {"properties", std::move(properties)},
                                  {"required", std::move(required)},
                                  {"additionalProperties", false}});
  return spec;
}

Json tool_facts_of(const ToolRow& row) {
  return Json::object({{"name", row.name},
                       {"effect", tool_effect_name(row.effect)},
                       {"is_idempotent", row.is_idempotent},
                       {"output_trust", output_trust_name(row.output_trust)}});
}

}  // namespace plinth::agents
