// SPDX-License-Identifier: Apache-2.0
// How a configuration stretches rotary positions, as GGUF says it: keys for linear and YaRN,
// tensors of factors for llama 3 and LongRoPE.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/text.h"
#include "engine/convert/checkpoint/metadata.h"

namespace plinth::engine::checkpoint {
namespace {

Error rope_error(ErrorCode code, const std::string& key, const std::string& cause) {
  return make_error(code, "config.json: rope_scaling." + key + ": " + cause, "rope_scaling." + key);
}

// The configuration of the rope, as older and newer configurations hold it; null: none.
const Json& scaling_of(const Json& config) {
  const Json& parameters = config["rope_parameters"];
  if (parameters["full_attention"].is_object()) return parameters["full_attention"];
  return parameters.is_object() ? parameters : config["rope_scaling"];
}

class Rope {
 public:
  Rope(const Family& family, const Json& config, const Sizes& sizes, gguf::MetadataWriter& out)
      : prefix_(std::string(family.architecture) + ".rope."),
        config_(config),
        scaling_(scaling_of(config)),
        out_(out) {
    base_ = config["rope_theta"].as_double(scaling_["rope_theta"].as_double(
        family.architecture == "gemma3" ? 1e6 : 10000));  // what the families take anyway
    const double share =
        config["partial_rotary_factor"].as_double(scaling_["partial_rotary_factor"].as_double(1));
    length_ =
        static_cast<int64_t>(static_cast<double>(sizes.head_length) * std::clamp(share, 0.0, 1.0));
  }

  Result<std::vector<MadeTensor>> run() {
    if (!(base_ > 0) || !std::isfinite(base_)) {
      return make_error(ErrorCode::malformed, "config.json: rope_theta: must be above 0",
                        "rope_theta");
    }
    out_.add_f32(prefix_ + "freq_base", static_cast<float>(base_));
    out_.add_u32(prefix_ + "dimension_count", static_cast<uint32_t>(length_));
    std::string type = scaling_["rope_type"].as_string();
    if (type.empty()) type = scaling_["type"].as_string();
    if (type.empty() || type == "default") return std::vector<MadeTensor>();
    if (type == "linear") return linear();
    if (type == "yarn") return yarn();
    if (type == "llama3") return llama3();
    if (type == "longrope" || type == "su") return longrope();
    return rope_error(ErrorCode::unsupported, "rope_type",
                      "\"" + shorten(type, 32) +
                          "\" is not computed; default, linear, llama3, yarn and longrope are");
  }

 private:
  Result<double> positive(const std::string& key) const {
    const Json& value = scaling_[key];
    const double number = value.as_double();
    if (number > 0 && std::isfinite(number)) return number;
    return rope_error(ErrorCode::malformed, key,
                      shorten(value.dump(), 32) + " is no number above 0");
  }

  // The context the model was trained with before it was stretched.
  Result<double> original_context() const {
    constexpr const char* kKey = "original_max_position_embeddings";
    if (!scaling_[kKey].is_null()) return positive(kKey);
    const double outside = config_[kKey].as_double();
    if (outside > 0) return outside;
    const double whole = config_["max_position_embeddings"].as_double();
    if (whole > 0) return whole;
    return rope_error(ErrorCode::malformed, kKey, "the file lacks this key");
  }

  Result<std::vector<MadeTensor>> linear() {
    out_.add_string(prefix_ + "scaling.type", "linear");
    out_.add_f32(prefix_ + "scaling.factor", static_cast<float>(TRY(positive("factor"))));
    return std::vector<MadeTensor>();
  }

  Result<std::vector<MadeTensor>> yarn() {
    const double factor = TRY(positive("factor"));
    const double original = TRY(original_context());
    out_.add_string(prefix_ + "scaling.type", "yarn");
    out_.add_f32(prefix_ + "scaling.factor", static_cast<float>(factor));
    out_.add_u32(prefix_ + "scaling.original_context_length", static_cast<uint32_t>(original));
    for (const char* key : {"beta_fast", "beta_slow"}) {
      if (scaling_[key].is_null()) continue;
      out_.add_f32(prefix_ + "scaling.yarn_" + key, static_cast<float>(TRY(positive(key))));
    }
    for (const char* key : {"mscale", "mscale_all_dim"}) {
      if (scaling_[key].is_null()) continue;
      return rope_error(ErrorCode::unsupported, key, "scores scaled apart are not computed");
    }
    if (!scaling_["attention_factor"].is_null()) {
      // GGUF's factor multiplies the growth that follows from the stretch.
      const double growth = factor <= 1 ? 1 : 0.1 * std::log(factor) + 1;
      out_.add_f32(prefix_ + "scaling.attn_factor",
                   static_cast<float>(TRY(positive("attention_factor")) / growth));
    }
    return std::vector<MadeTensor>();
  }

  // Source: the "llama3" rope type of the Llama 3.1 configuration: long waves turn slower by the
  // factor, short ones as before, with a ramp between.
  Result<std::vector<MadeTensor>> llama3() {
    const double factor = TRY(positive("factor"));
    const double low = TRY(positive("low_freq_factor"));
    const double high = TRY(positive("high_freq_factor"));
    const double original = TRY(original_context());
    if (high <= low) {
      return rope_error(ErrorCode::malformed, "high_freq_factor", "is not above low_freq_factor");
    }
    MadeTensor tensor{"rope_freqs.weight", {}};
    for (int64_t i = 0; i < length_ / 2; ++i) {
      const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(length_);
      const double wave = 2 * std::numbers::pi * std::pow(base_, exponent);
      const double ramp = std::clamp((original / wave - low) / (high - low), 0.0, 1.0);
      tensor.values.push_back(static_cast<float>(1 / ((1 - ramp) / factor + ramp)));
    }
    return std::vector<MadeTensor>{std::move(tensor)};
  }

  // Source: LongRoPE (Ding et al. 2024) as Phi-3's configuration uses it.
  Result<std::vector<MadeTensor>> longrope() {
    const double original = TRY(original_context());
    const double whole = config_["max_position_embeddings"].as_double();
    const double stretch = scaling_["factor"].as_double(whole / original);
    const double growth = stretch <= 1 ? 1 : std::sqrt(1 + std::log(stretch) / std::log(original));
    const Json& given = scaling_["attention_factor"];
    out_.add_u32(prefix_ + "scaling.original_context_length", static_cast<uint32_t>(original));
    out_.add_f32(prefix_ + "scaling.attn_factor",
                 static_cast<float>(given.is_null() ? growth : TRY(positive("attention_factor"))));
    std::vector<MadeTensor> tensors;
    tensors.push_back({"rope_factors_long.weight", TRY(factors("long_factor"))});
    tensors.push_back({"rope_factors_short.weight", TRY(factors("short_factor"))});
    return tensors;
  }

  Result<std::vector<float>> factors(const std::string& key) const {
    const Json& list = scaling_[key];
    if (list.size() != static_cast<size_t>(length_ / 2)) {
      return rope_error(
          ErrorCode::malformed, key,
          std::to_string(list.size()) + " factors, " + std::to_string(length_ / 2) + " are needed");
    }
    std::vector<float> values;
    for (const Json& item : list.items()) values.push_back(static_cast<float>(item.as_double()));
    return values;
  }

  const std::string prefix_;
  const Json& config_;
  const Json& scaling_;
  gguf::MetadataWriter& out_;
  double base_ = 0;
  int64_t length_ = 0;  // leading values of a head that turn
};

}  // namespace

Result<std::vector<MadeTensor>> add_rope(const Family& family, const Json& config,
                                         const Sizes& sizes, gguf::MetadataWriter& out) {
  return Rope(family, config, sizes, out).run();
}

}  // namespace plinth::engine::checkpoint
