// SPDX-License-Identifier: Apache-2.0
// Frequencies are worked out once, in double.
#include "engine/models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plinth::engine {
namespace {

// How YaRN lets attention grow with the stretch s: 0.1 ln s + 1 (section 3.4).
double growth(double stretch) { return stretch <= 1 ? 1 : 0.1 * std::log(stretch) + 1; }

// The pair that makes `turns` full turns within the trained context.
double pair_of_turns(double turns, int64_t length, double base, int64_t context) {
  return static_cast<double>(length) *
         std::log(static_cast<double>(context) / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(base));
}

// Pairs below `low` keep their frequency, those above `high` are stretched, with a ramp between.
// Low and high are rounded outwards, as the files' producers and other readers do.
Status stretch_yarn(Metadata& metadata, Rope& rope, double base, double stretch) {
  const int64_t trained = TRY(metadata.required_integer("context_length", 1, INT64_MAX));
  const int64_t context =
      TRY(metadata.integer("rope.scaling.original_context_length", 1, INT64_MAX)).value_or(trained);
  const double fast = TRY(metadata.positive("rope.scaling.yarn_beta_fast", 32));
  const double slow = TRY(metadata.positive("rope.scaling.yarn_beta_slow", 1));
  for (const std::string_view name :
       {"rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor"}) {
    const double factor = TRY(metadata.number(name)).value_or(1);
    if (factor != 1 && factor != -1) {  // -1 stands for "as usual"
      return metadata.unsupported(name, "only 1 is computed");
    }
  }
  if (base <= 1) return metadata.malformed("rope.freq_base", "YaRN needs it above 1");
  const int64_t length = rope.length();
  const double low = std::max(0.0, std::floor(pair_of_turns(fast, length, base, context)));
  const double high = std::min(static_cast<double>(length - 1),
                               std::ceil(pair_of_turns(slow, length, base, context)));
  for (size_t i = 0; i < rope.frequencies.size(); ++i) {
    const double along = (static_cast<double>(i) - low) / std::max(0.001, high - low);
    const double stretched = std::clamp(along, 0.0, 1.0);
    rope.frequencies[i] *= stretched / stretch + (1 - stretched);
  }
  constexpr std::string_view kMultiplier = "rope.scaling.yarn_log_multiplier";
  if (TRY(metadata.number(kMultiplier)).value_or(0) != 0) {
    return metadata.unsupported(kMultiplier, "scores scaled apart from YaRN are not computed");
  }
  rope.magnitude *= growth(stretch);
  return ok();
}

// The tensor of factors that the frequencies are divided by; empty when the file has none.
Result<std::string> factor_tensor(ModelReader& reader) {
  if (reader.weights.has("rope_freqs.weight")) return std::string("rope_freqs.weight");
  const bool has_long = reader.weights.has("rope_factors_long.weight");
  if (!has_long && !reader.weights.has("rope_factors_short.weight")) return std::string();
  const int64_t trained = TRY(reader.metadata.required_integer("context_length", 1, INT64_MAX));
  const int64_t original =
      TRY(reader.metadata.integer("rope.scaling.original_context_length", 1, INT64_MAX))
          .value_or(trained);
  return std::string(reader.context > original ? "rope_factors_long.weight"
                                               : "rope_factors_short.weight");
}

Status divide_by_factors(ModelReader& reader, Rope& rope) {
  const std::string name = TRY(factor_tensor(reader));
  if (name.empty()) return ok();
  const std::vector<float> factors = TRY(reader.weights.vector(name, rope.pairs()));
  for (size_t i = 0; i < factors.size(); ++i) {
    if (!(factors[i] > 0) || !std::isfinite(factors[i])) {
      return make_error(ErrorCode::malformed,
                        name + ": factor " + std::to_string(i) + " is not above 0", name);
    }
    rope.frequencies[i] /= static_cast<double>(factors[i]);
  }
  // The other one of the two serves another context length.
  for (const char* other : {"rope_factors_long.weight", "rope_factors_short.weight"}) {
    if (reader.weights.has(other)) TRY(reader.weights.vector(other, rope.pairs()));
  }
  return ok();
}

}  // namespace

Rope plain_rope(RopePairing pairing, int64_t length, double base) {
  Rope rope;
  rope.pairing = pairing;
  for (int64_t i = 0; i < length / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(length);
    rope.frequencies.push_back(std::pow(base, exponent));
  }
  return rope;
}

Result<Rope> read_rope(ModelReader& reader, RopePairing pairing, int64_t length) {
  constexpr std::string_view kType = "rope.scaling.type";
  Metadata& metadata = reader.metadata;
  const double base = TRY(metadata.positive("rope.freq_base", 10000));
  Rope rope = plain_rope(pairing, length, base);
  rope.magnitude = TRY(metadata.positive("rope.scaling.attn_factor", 1));
  TRY(divide_by_factors(reader, rope));

  // Without a type, a factor means linear; old files call it rope.scale_linear.
  const double old_stretch = TRY(metadata.positive("rope.scale_linear", 1));
  const double stretch = TRY(metadata.positive("rope.scaling.factor", old_stretch));
  TRY(metadata.integer("rope.scaling.original_context_length", 0, INT64_MAX));
  const std::string_view type = TRY(metadata.string(kType)).value_or("linear");
  if (type == "yarn") {
    TRY(stretch_yarn(metadata, rope, base, stretch));
  } else if (type == "linear" || type == "longrope") {
    for (double& frequency : rope.frequencies) frequency /= stretch;
  } else if (type != "none") {
    return metadata.unsupported(kType, "\"" + std::string(type) +
                                           "\" is not computed; none, linear, yarn and longrope "
                                           "are");
  }
  return rope;
}

}  // namespace plinth::engine
