// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai/sampling.h"

#include <charconv>
#include <limits>

#include "base/text.h"
#include "protocol/openai/fields.h"

namespace plinth::protocol::openai {
namespace {

constexpr double kTemperatureMax = 2.0;
constexpr double kPenaltyMax = 2.0;
constexpr double kRepetitionMin = 0.01;
constexpr double kRepetitionMax = 100;
constexpr double kBiasMax = 100;
constexpr size_t kBiasesMax = 1024;
constexpr int64_t kTokensMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kTopLogprobsMax = 20;
constexpr size_t kStopsMax = 4;
constexpr size_t kStopBytesMax = 1024;

Result<std::vector<std::string>> decode_stop(const Json& body) {
  const Json& stop = body["stop"];
  std::vector<std::string> stops;
  if (stop.is_null()) return stops;
  if (!stop.is_string() && !stop.is_array()) return expected("stop", "a string or a list", stop);
  if (stop.is_array() && stop.size() > kStopsMax) {
    return field_error(
        "stop", std::to_string(stop.size()) + " strings; at most " + std::to_string(kStopsMax));
  }
  const Json::Array single{stop};
  const Json::Array& items = stop.is_array() ? stop.items() : single;
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string path = stop.is_array() ? at_index("stop", i) : "stop";
    if (!items[i].is_string()) return expected(path, "a string", items[i]);
    const std::string& text = items[i].as_string();
    if (text.empty() || text.size() > kStopBytesMax) {
      return field_error(path, "must have 1 to " + std::to_string(kStopBytesMax) + " bytes");
    }
    stops.push_back(text);
  }
  return stops;
}

// {"TOKEN": BIAS}, the token's number as text.
Result<std::vector<std::pair<int64_t, double>>> decode_bias(const Json& body) {
  std::vector<std::pair<int64_t, double>> biases;
  const Json& object = body["logit_bias"];
  if (object.is_null()) return biases;
  if (!object.is_object()) return expected("logit_bias", "an object", object);
  if (object.size() > kBiasesMax) {
    return field_error("logit_bias", std::to_string(object.size()) + " tokens; at most " +
                                         std::to_string(kBiasesMax));
  }
  for (const auto& [name, bias] : object.members()) {
    int64_t token = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), token);
    if (failure != std::errc() || end != name.data() + name.size() || token < 0 ||
        token > kTokensMax) {
      return field_error("logit_bias", "'" + shorten(name, 64) + "' is not the number of a token");
    }
    const auto value =
        TRY(within("logit_bias", json_field::optional_number(object, name, -kBiasMax, kBiasMax)));
    if (value) biases.emplace_back(token, *value);
  }
  return biases;
}

Result<std::optional<int64_t>> decode_logprobs(const Json& body) {
  const bool is_wanted = TRY(json_field::optional_bool(body, "logprobs")).value_or(false);
  const auto top = TRY(json_field::optional_integer(body, "top_logprobs", 0, kTopLogprobsMax));
  if (is_wanted) return std::optional<int64_t>(top.value_or(0));
  if (top.value_or(0) > 0) return field_error("top_logprobs", "needs \"logprobs\": true");
  return std::optional<int64_t>();
}

}  // namespace

Status decode_sampling(const Json& body, ChatRequest& request) {
  request.logprobs_top = TRY(decode_logprobs(body));
  return decode_sampling_without_logprobs(body, request);
}

Status decode_sampling_without_logprobs(const Json& body, ChatRequest& request) {
  Sampling& sampling = request.sampling;
  sampling.temperature = TRY(json_field::optional_number(body, "temperature", 0, kTemperatureMax));
  sampling.top_p = TRY(json_field::optional_number(body, "top_p", 0, 1));
  sampling.seed = TRY(json_field::optional_integer(
      body, "seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
  sampling.top_k = TRY(json_field::optional_integer(body, "top_k", 0, kTokensMax));
  sampling.min_p = TRY(json_field::optional_number(body, "min_p", 0, 1));
  sampling.presence_penalty =
      TRY(json_field::optional_number(body, "presence_penalty", -kPenaltyMax, kPenaltyMax));
  sampling.frequency_penalty =
      TRY(json_field::optional_number(body, "frequency_penalty", -kPenaltyMax, kPenaltyMax));
  sampling.repetition_penalty =
      TRY(json_field::optional_number(body, "repetition_penalty", kRepetitionMin, kRepetitionMax));
  sampling.logit_bias = TRY(decode_bias(body));
  request.is_end_ignored = TRY(json_field::optional_bool(body, "ignore_eos")).value_or(false);
  const auto old_name = TRY(json_field::optional_integer(body, "max_tokens", 1, kTokensMax));
  const auto new_name =
      TRY(json_field::optional_integer(body, "max_completion_tokens", 1, kTokensMax));
  request.max_tokens = new_name ? new_name : old_name;
  request.stop = TRY(decode_stop(body));
  return ok();
}

void encode_sampling(const ChatRequest& request, Json& body) {
  const Sampling& sampling = request.sampling;
  const auto set = [&](const char* name, const auto& value) {
    if (value) body.set(name, *value);
  };
  set("temperature", sampling.temperature);
  set("top_p", sampling.top_p);
  set("seed", sampling.seed);
  set("top_k", sampling.top_k);
  set("min_p", sampling.min_p);
  set("presence_penalty", sampling.presence_penalty);
  set("frequency_penalty", sampling.frequency_penalty);
  set("repetition_penalty", sampling.repetition_penalty);
  set("max_tokens", request.max_tokens);
  if (request.is_end_ignored) body.set("ignore_eos", true);
  if (!sampling.logit_bias.empty()) {
    Json biases = Json::object();
    for (const auto& [token, bias] : sampling.logit_bias) biases.set(std::to_string(token), bias);
    body.set("logit_bias", std::move(biases));
  }
  if (request.logprobs_top) {
    body.set("logprobs", true);
    body.set("top_logprobs", *request.logprobs_top);
  }
  if (!request.stop.empty()) body.set("stop", Json::array_of(request.stop));
}

}  // namespace plinth::protocol::openai
