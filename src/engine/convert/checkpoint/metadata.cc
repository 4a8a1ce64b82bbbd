// SPDX-License-Identifier: Apache-2.0
// Carries out the tables of families.cc.
#include "engine/convert/checkpoint/metadata.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace plinth::engine::checkpoint {
namespace {

constexpr int64_t kSizeMax = UINT32_MAX;
constexpr int64_t kHeadLengthMax = 1 << 12;

Error malformed(std::string_view key, const std::string& cause) {
  return make_error(ErrorCode::malformed, "config.json: " + std::string(key) + ": " + cause,
                    std::string(key));
}

Error unsupported(std::string_view key, const std::string& cause) {
  return make_error(ErrorCode::unsupported, "config.json: " + std::string(key) + ": " + cause,
                    std::string(key));
}

// nullopt where an optional key is absent.
Result<std::optional<double>> read_key(const KeyRow& row, const Json& config) {
  const Json& value = config[row.config];
  if (value.is_null()) {
    if (row.presence == KeyRow::Presence::required) {
      return malformed(row.config, "the file lacks this key");
    }
    if (row.presence == KeyRow::Presence::optional) return std::optional<double>();
    return std::optional<double>(row.fallback);
  }
  const bool is_integer = row.kind == KeyRow::Kind::integer;
  const bool is_fitting =
      is_integer ? value.is_integer() && value.as_int() >= 0 && value.as_int() <= kSizeMax
                 : value.is_number() && std::isfinite(value.as_double());
  if (!is_fitting) {
    return malformed(row.config,
                     shorten(value.dump(), 64) +
                         (is_integer ? " is no whole number of 32 bits" : " is no number"));
  }
  return std::optional<double>(value.as_double());
}

template <typename Use>
Status for_keys(const Family& family, const Json& config, const Use& use) {
  for (const std::span<const KeyRow> rows : {family.keys, family.more_keys}) {
    for (const KeyRow& row : rows) {
      const auto value = TRY(read_key(row, config));
      if (value) use(row, *value);
    }
  }
  return ok();
}

Status check_layer_types(const Family& family, const Json& config) {
  const Json& types = config["layer_types"];
  if (family.window_period < 0 || !types.is_array()) return ok();
  const int64_t period = config["sliding_window_pattern"].as_int(family.window_period);
  for (size_t i = 0; i < types.size(); ++i) {
    const bool is_full = period <= 0 || (static_cast<int64_t>(i) + 1) % period == 0;
    const std::string_view expected = is_full ? "full_attention" : "sliding_attention";
    const std::string& found = types.items()[i].as_string();
    if (found == expected) continue;
    return unsupported("layer_types", "layer " + std::to_string(i) + " is \"" + shorten(found, 32) +
                                          "\", computed is \"" + std::string(expected) +
                                          "\" there");
  }
  return ok();
}

// Gemma's scores are divided by the root of a number of their own, which is taken to be the head's
// length, but for the 27B models, whose is the share of the width.
Status check_score_scale(const Family& family, const Json& config, const Sizes& sizes) {
  constexpr std::string_view kKey = "query_pre_attn_scalar";
  const Json& given = config[kKey];
  if (given.is_null()) return ok();
  const bool is_27b = (family.architecture == "gemma2" && sizes.layers == 46) ||
                      (family.architecture == "gemma3" && sizes.layers == 62);
  const int64_t expected = is_27b
                               ? config["hidden_size"].as_int() / std::max(sizes.heads, int64_t{1})
                               : sizes.head_length;
  if (given.as_double() == static_cast<double>(expected)) return ok();
  return unsupported(
      kKey, shorten(given.dump(), 32) + " is not computed; " + std::to_string(expected) + " is");
}

}  // namespace

const Json& text_config(const Json& config) {
  const Json& inner = config["text_config"];
  return inner.is_object() ? inner : config;
}

Status check_config(const Family& family, const Json& config) {
  for (const CheckRow& row : family.checks) {
    const Json* value = config.find(row.config);
    if (!value) continue;
    bool is_allowed = false;
    std::vector<std::string> allowed;
    for (const std::string_view text : row.allowed) {
      if (text.empty()) continue;
      is_allowed = is_allowed || value->dump() == text;
      allowed.emplace_back(text);
    }
    if (is_allowed) continue;
    return unsupported(row.config, shorten(value->dump(), 64) + " is not computed; " +
                                       join(allowed, ", ") + " is");
  }
  TRY(check_layer_types(family, config));
  const Json& quantization = config["quantization_config"];
  const std::string& method = quantization["quant_method"].as_string();
  if (quantization.is_object() && method != "mxfp4") {
    return unsupported("quantization_config",
                       "weights encoded by \"" + shorten(method, 32) +
                           "\" are not read; convert the checkpoint with plain weights");
  }
  return check_score_scale(family, config, TRY(read_sizes(family, config)));
}

Result<Sizes> read_sizes(const Family& family, const Json& config) {
  Sizes sizes;
  int64_t width = 0;
  TRY(for_keys(family, config, [&](const KeyRow& row, double value) {
    const auto size = static_cast<int64_t>(value);
    if (row.metadata == "block_count") sizes.layers = size;
    if (row.metadata == "embedding_length") width = size;
    if (row.metadata == "attention.head_count") sizes.heads = size;
    if (row.metadata == "attention.head_count_kv") sizes.kv_heads = size;
    if (row.metadata == "attention.key_length") sizes.head_length = size;
  }));
  if (sizes.heads == 0) return malformed("num_attention_heads", "must be above 0");
  if (sizes.kv_heads == 0) sizes.kv_heads = sizes.heads;
  if (sizes.head_length == 0) sizes.head_length = width / sizes.heads;
  if (sizes.head_length > kHeadLengthMax) {
    return malformed("head_dim", std::to_string(sizes.head_length) + " is above " +
                                     std::to_string(kHeadLengthMax));
  }
  return sizes;
}

Status add_sizes(const Family& family, const Json& config, gguf::MetadataWriter& out) {
  const std::string prefix = std::string(family.architecture) + ".";
  return for_keys(family, config, [&](const KeyRow& row, double value) {
    const std::string key = prefix + std::string(row.metadata);
    if (row.kind == KeyRow::Kind::integer) {
      out.add_u32(key, static_cast<uint32_t>(value));
    } else {
      out.add_f32(key, static_cast<float>(value));
    }
  });
}

void add_sampling(const Json& generation_config, gguf::MetadataWriter& out) {
  if (!generation_config["do_sample"].as_bool()) return;
  const Json& temperature = generation_config["temperature"];
  const Json& top_p = generation_config["top_p"];
  if (temperature.is_number()) {
    out.add_f32("general.sampling.temp", static_cast<float>(temperature.as_double()));
  }
  if (top_p.is_number()) {
    out.add_f32("general.sampling.top_p", static_cast<float>(top_p.as_double()));
  }
}

Result<std::optional<uint32_t>> read_pooling(const Json& pooling) {
  struct Mode {
    std::string_view key;
    uint32_t type;
  };
  constexpr Mode kModes[] = {{"pooling_mode_mean_tokens", 1},
                             {"pooling_mode_cls_token", 2},
                             {"pooling_mode_lasttoken", 3}};
  if (pooling.is_null()) return std::optional<uint32_t>();
  for (const Mode& mode : kModes) {
    if (pooling[mode.key].as_bool()) return std::optional<uint32_t>(mode.type);
  }
  return make_error(ErrorCode::unsupported,
                    "1_Pooling/config.json: none of pooling_mode_mean_tokens, "
                    "pooling_mode_cls_token and pooling_mode_lasttoken is true",
                    "pooling");
}

}  // namespace plinth::engine::checkpoint
