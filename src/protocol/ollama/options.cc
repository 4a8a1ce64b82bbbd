// SPDX-License-Identifier: Apache-2.0
#include "protocol/ollama/options.h"

#include <limits>

#include "base/text.h"
#include "protocol/fields.h"

namespace plinth::protocol::ollama {
namespace {

constexpr size_t kModelBytesMax = 256;
constexpr double kTemperatureMax = 100;
constexpr double kPenaltyMax = 2;
constexpr double kRepetitionMin = 0.01;
constexpr double kRepetitionMax = 100;
constexpr int64_t kTokensMax = std::numeric_limits<int32_t>::max();
constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;

Result<std::vector<std::string>> decode_stop(const Json& options) {
  const Json& stop = options["stop"];
  std::vector<std::string> stops;
  if (stop.is_null()) return stops;
  if (!stop.is_string() && !stop.is_array()) return expected("stop", "a string or a list", stop);
  const Json::Array single{stop};
  const Json::Array& items = stop.is_array() ? stop.items() : single;
  if (items.size() > kStopsMax) {
    return field_error(
        "stop", std::to_string(items.size()) + " strings; at most " + std::to_string(kStopsMax));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string path = stop.is_array() ? at_index("stop", i) : "stop";
    if (!items[i].is_string()) return expected(path, "a string", items[i]);
    stops.push_back(items[i].as_string());
    if (!stops.back().empty() && stops.back().size() <= kStopBytesMax) continue;
    return field_error(path, "must have 1 to " + std::to_string(kStopBytesMax) + " bytes");
  }
  return stops;
}

// Below 1 the reply ends where the model or its context does.
Result<std::optional<int64_t>> decode_length(const Json& options) {
  auto length = TRY(json_field::optional_integer(options, "num_predict",
                                                 std::numeric_limits<int32_t>::min(), kTokensMax));
  if (length && *length < 1) length.reset();
  return length;
}

// Negative: drawn anew each time.
Result<std::optional<int64_t>> decode_seed(const Json& options) {
  auto seed = TRY(json_field::optional_integer(options, "seed", std::numeric_limits<int64_t>::min(),
                                               std::numeric_limits<int64_t>::max()));
  if (seed && *seed < 0) seed.reset();
  return seed;
}

Status decode_options_object(const Json& options, ChatRequest& request) {
  Sampling& sampling = request.sampling;
  sampling.temperature =
      TRY(json_field::optional_number(options, "temperature", 0, kTemperatureMax));
  sampling.top_p = TRY(json_field::optional_number(options, "top_p", 0, 1));
  sampling.top_k = TRY(json_field::optional_integer(options, "top_k", 0, kTokensMax));
  sampling.min_p = TRY(json_field::optional_number(options, "min_p", 0, 1));
  sampling.seed = TRY(decode_seed(options));
  sampling.repetition_penalty =
      TRY(json_field::optional_number(options, "repeat_penalty", kRepetitionMin, kRepetitionMax));
  sampling.presence_penalty =
      TRY(json_field::optional_number(options, "presence_penalty", -kPenaltyMax, kPenaltyMax));
  sampling.frequency_penalty =
      TRY(json_field::optional_number(options, "frequency_penalty", -kPenaltyMax, kPenaltyMax));
  request.max_tokens = TRY(decode_length(options));
  request.stop = TRY(decode_stop(options));
  return ok();
}

}  // namespace

Result<std::string> decode_model(const Json& body) {
  if (!body.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "the body: expected a JSON object, got " + std::string(body.type_name()));
  }
  // Older clients of some routes call it the name.
  const char* key = body["model"].is_null() && !body["name"].is_null() ? "name" : "model";
  std::string model = TRY(json_field::required_string(body, key));
  if (!model.empty() && model.size() <= kModelBytesMax) return model;
  return field_error(key, "must have 1 to " + std::to_string(kModelBytesMax) + " bytes");
}

Status decode_options(const Json& body, ChatRequest& request) {
  const Json& options = body["options"];
  if (options.is_null()) return ok();
  if (!options.is_object()) return expected("options", "an object", options);
  return within("options", decode_options_object(options, request));
}

Result<std::optional<ReplyFormat>> decode_format(const Json& body) {
  const Json& format = body["format"];
  if (format.is_null() || format == Json("")) return std::optional<ReplyFormat>();
  if (format == Json("json")) return std::optional(ReplyFormat());
  if (format.is_string()) {
    return field_error("format", "unknown value '" + shorten(format.as_string(), 64) +
                                     "'; use \"json\" or a JSON Schema");
  }
  if (!format.is_object()) return expected("format", "\"json\" or a JSON Schema object", format);
  ReplyFormat decoded;
  decoded.schema = format;
  decoded.name = "reply";
  return std::optional(std::move(decoded));
}

Status refuse_thinking(const Json& body) {
  const Json& think = body["think"];
  if (think.is_null() || think == Json(false) || think == Json("")) return ok();
  return unsupported_field("think", "leave it out or send false");
}

Status refuse_images(const Json& object, const std::string& path) {
  if (object["images"].is_null() || object["images"].size() == 0) return ok();
  return unsupported_field(path.empty() ? "images" : path + ".images",
                           "images cannot be read here; send text");
}

}  // namespace plinth::protocol::ollama
