// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/arguments.h"

#include "agents/run/state.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

Error unfit(const ToolRow& row, std::string message, std::string param = {}) {
  return make_error(ErrorCode::invalid_argument,
                    "arguments of " + std::string(row.name) + ": " + std::move(message),
                    std::move(param));
}

std::string parameter_list(const ToolRow& row) {
  std::string list;
  for (const auto& parameter : row.parameters) {
    if (!list.empty()) list += ", ";
    list += parameter.name;
  }
  return list;
}

Status check_one(const ToolRow& row, const ToolParameter& parameter, const Json& value) {
  const std::string name(parameter.name);
  if (parameter.type == ParameterType::integer) {
    if (!value.is_integer() || value.as_int() < parameter.min || value.as_int() > parameter.max) {
      return unfit(row,
                   name + ": expected an integer from " + std::to_string(parameter.min) + " to " +
                       std::to_string(parameter.max) + ", got " + shorten(value.dump(), 64),
                   name);
    }
    return ok();
  }
  if (!value.is_string()) {
    return unfit(row, name + ": expected a string, got " + std::string(value.type_name()), name);
  }
  const std::string& text = value.as_string();
  if (text.size() > parameter.bytes_max) {
    return unfit(row, name + ": longer than " + std::to_string(parameter.bytes_max) + " bytes",
                 name);
  }
  if (text.find('\0') != std::string::npos) {
    return unfit(row, name + ": contains a NUL character", name);
  }
  return ok();
}

}  // namespace

Status check_arguments(const ToolRow& row, const Json& arguments) {
  if (!arguments.is_object()) {
    return unfit(row, "expected an object, got " + std::string(arguments.type_name()));
  }
  for (const auto& [key, value] : arguments.members()) {
    const ToolParameter* found = nullptr;
    for (const auto& parameter : row.parameters) {
      if (parameter.name == key) found = &parameter;
    }
    if (!found) {
      return unfit(
          row, "unknown argument '" + shorten(key, 64) + "'; allowed are " + parameter_list(row),
          shorten(key, 64));
    }
    TRY(check_one(row, *found, value));
  }
  for (const auto& parameter : row.parameters) {
    if (parameter.is_required && !arguments.contains(parameter.name)) {
      return unfit(row, "'" + std::string(parameter.name) + "' is missing",
                   std::string(parameter.name));
    }
  }
  return ok();
}

Result<Json> parse_arguments(const ToolRow& row, std::string_view text) {
  if (text.size() > kArgumentsBytesMax) {
    return unfit(row, "longer than " + std::to_string(kArgumentsBytesMax) + " bytes");
  }
  // A model that calls a tool without arguments often writes nothing at all.
  auto parsed = trim(text).empty() ? Result<Json>(Json::object()) : Json::parse(text);
  if (parsed.is_error()) return unfit(row, "not valid JSON: " + parsed.error().message);
  TRY(check_arguments(row, *parsed));
  return parsed;
}

}  // namespace plinth::agents
