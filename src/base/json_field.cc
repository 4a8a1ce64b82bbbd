// SPDX-License-Identifier: Apache-2.0
// Field readers for decoders: the type, then the range, each refusal with the field's name.
#include <cmath>

#include "base/detail/json_number.h"
#include "base/json.h"

namespace plinth::json_field {
namespace {

Error refusal(std::string_view key, std::string_view cause) {
  return make_error(ErrorCode::invalid_argument, std::string(key) + ": " + std::string(cause),
                    std::string(key));
}

Error wrong_type(std::string_view key, std::string_view expected, const Json& value) {
  return refusal(key,
                 "expected " + std::string(expected) + ", got " + std::string(value.type_name()));
}

}  // namespace

Result<std::string> required_string(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (!value) return refusal(key, "a string is required");
  if (!value->is_string()) return wrong_type(key, "a string", *value);
  return value->as_string();
}

Result<std::optional<std::string>> optional_string(const Json& object, std::string_view key) {
  const Json& value = object[key];
  if (value.is_null()) return std::optional<std::string>();
  if (!value.is_string()) return wrong_type(key, "a string", value);
  return std::optional<std::string>(value.as_string());
}

Result<std::optional<double>> optional_number(const Json& object, std::string_view key, double min,
                                              double max) {
  const Json& value = object[key];
  if (value.is_null()) return std::optional<double>();
  if (!value.is_number()) return wrong_type(key, "a number", value);
  const double number = value.as_double();
  if (number < min || number > max) {
    return refusal(key, value.dump() + " is not between " + json_number::format(min) + " and " +
                            json_number::format(max));
  }
  return std::optional<double>(number);
}

Result<std::optional<int64_t>> optional_integer(const Json& object, std::string_view key,
                                                int64_t min, int64_t max) {
  const Json& value = object[key];
  if (value.is_null()) return std::optional<int64_t>();
  if (!value.is_number()) return wrong_type(key, "an integer", value);
  const bool is_whole = value.is_integer() || json_number::exact_integer(value.as_double());
  if (!is_whole) return refusal(key, "expected an integer, got " + value.dump());
  const int64_t integer = value.as_int();
  if (integer < min || integer > max) {
    return refusal(key, value.dump() + " is not between " + std::to_string(min) + " and " +
                            std::to_string(max));
  }
  return std::optional<int64_t>(integer);
}

Result<std::optional<bool>> optional_bool(const Json& object, std::string_view key) {
  const Json& value = object[key];
  if (value.is_null()) return std::optional<bool>();
  if (!value.is_bool()) return wrong_type(key, "a boolean", value);
  return std::optional<bool>(value.as_bool());
}

}  // namespace plinth::json_field
