// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai/response_format.h"

#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/openai/messages.h"

namespace plinth::protocol::openai {
namespace {

Result<ReplyFormat> decode_schema(const Json& format) {
  const std::string path = "response_format.json_schema";
  const Json& described = format["json_schema"];
  if (!described.is_object()) return expected(path, "an object", described);
  ReplyFormat decoded;
  decoded.name = TRY(within(path, json_field::required_string(described, "name")));
  if (!is_function_name(decoded.name)) {
    return field_error(path + ".name", "must have 1 to 64 characters of a-z, A-Z, 0-9, _ and -");
  }
  const Json& schema = described["schema"];
  if (!schema.is_object() && !schema.is_null()) {
    return expected(path + ".schema", "an object", schema);
  }
  if (schema.is_object()) decoded.schema = schema;
  decoded.is_strict =
      TRY(within(path, json_field::optional_bool(described, "strict"))).value_or(false);
  return decoded;
}

}  // namespace

Result<std::optional<ReplyFormat>> decode_response_format(const Json& body) {
  const Json& format = body["response_format"];
  if (format.is_null()) return std::optional<ReplyFormat>();
  if (!format.is_object()) return expected("response_format", "an object", format);
  const std::string type =
      TRY(within("response_format", json_field::required_string(format, "type")));
  if (type == "text") return std::optional<ReplyFormat>();
  if (type == "json_object") return std::optional(ReplyFormat());
  if (type == "json_schema") return std::optional(TRY(decode_schema(format)));
  return field_error("response_format.type", "unknown value '" + shorten(type, 64) +
                                                 "'; use text, json_object or json_schema");
}

Json encode_response_format(const ReplyFormat& format) {
  if (!format.schema && format.name.empty()) return Json::object({{"type", "json_object"}});
  Json described = Json::object({{"name", format.name}, {"strict", format.is_strict}});
  if (format.schema) described.set("schema", *format.schema);
  return Json::object({{"type", "json_schema"}, {"json_schema", std::move(described)}});
}

}  // namespace plinth::protocol::openai
