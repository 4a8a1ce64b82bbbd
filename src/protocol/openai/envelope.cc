// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai/envelope.h"

#include "protocol/openai/fields.h"

namespace plinth::protocol::openai {
namespace {

constexpr size_t kModelBytesMax = 256;

}  // namespace

Status check_object(const Json& body) {
  if (body.is_object()) return ok();
  return make_error(ErrorCode::invalid_argument,
                    "the body: expected a JSON object, got " + std::string(body.type_name()));
}

Result<std::string> decode_model(const Json& body) {
  std::string model = TRY(json_field::required_string(body, "model"));
  if (model.empty() || model.size() > kModelBytesMax) {
    return field_error("model", "must have 1 to " + std::to_string(kModelBytesMax) + " bytes");
  }
  return model;
}

Result<StreamOptions> decode_stream(const Json& body) {
  StreamOptions decoded;
  decoded.is_stream = TRY(json_field::optional_bool(body, "stream")).value_or(false);
  const Json& options = body["stream_options"];
  if (options.is_null()) return decoded;
  if (!options.is_object()) return expected("stream_options", "an object", options);
  decoded.is_usage_wanted =
      TRY(within("stream_options", json_field::optional_bool(options, "include_usage")))
          .value_or(false);
  return decoded;
}

}  // namespace plinth::protocol::openai
