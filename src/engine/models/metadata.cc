// SPDX-License-Identifier: Apache-2.0
// Reads keys under the architecture's name.
#include "engine/models/metadata.h"

#include <algorithm>

namespace plinth::engine {
namespace {

// Keys that say something about the model and change nothing in what is computed.
constexpr std::string_view kDescriptive[] = {
    "context_length", "pooling_type", "rope.scaling.finetuned", "tensor_data_layout", "vocab_size",
};

}  // namespace

std::string Metadata::ask(std::string_view name) {
  std::string whole = key(name);
  asked_.insert(whole);
  return whole;
}

Result<std::optional<int64_t>> Metadata::integer(std::string_view name, int64_t min, int64_t max) {
  return contents_.integer(ask(name), min, max);
}

Result<std::optional<double>> Metadata::number(std::string_view name) {
  return contents_.number(ask(name));
}

Result<std::optional<bool>> Metadata::boolean(std::string_view name) {
  return contents_.boolean(ask(name));
}

Result<std::optional<std::string_view>> Metadata::string(std::string_view name) {
  return contents_.string(ask(name));
}

Result<int64_t> Metadata::required_integer(std::string_view name, int64_t min, int64_t max) {
  return contents_.required_integer(ask(name), min, max);
}

Result<double> Metadata::positive(std::string_view name, double otherwise) {
  const auto value = TRY(number(name));
  if (value && *value <= 0) return malformed(name, "must be above 0");
  return value.value_or(otherwise);
}

Result<double> Metadata::required_positive(std::string_view name) {
  if (!has(name)) return malformed(name, "the file lacks this key");
  return positive(name, 0);
}

Result<std::optional<int64_t>> Metadata::same_in_all_layers(std::string_view name, int64_t min,
                                                            int64_t max) {
  const gguf::Entry* entry = contents_.find(key(name));
  if (!entry || !std::holds_alternative<gguf::ArrayView>(entry->value)) {
    return integer(name, min, max);
  }
  const std::vector<int64_t> values = TRY(contents_.integers(ask(name))).value();
  if (values.empty()) return malformed(name, "the array is empty");
  for (const int64_t value : values) {
    if (value < min || value > max) {
      return malformed(name, std::to_string(value) + " is outside " + std::to_string(min) + ".." +
                                 std::to_string(max));
    }
    if (value != values[0]) return unsupported(name, "layers of different sizes are not computed");
  }
  return std::optional<int64_t>(values[0]);
}

Error Metadata::malformed(std::string_view name, const std::string& cause) const {
  return make_error(ErrorCode::malformed, key(name) + ": " + cause, key(name));
}

Error Metadata::unsupported(std::string_view name, const std::string& cause) const {
  return make_error(ErrorCode::unsupported, key(name) + ": " + cause, key(name));
}

Status Metadata::check_all_used() const {
  for (const gguf::Entry& entry : contents_.entries) {
    if (!entry.key.starts_with(prefix_) || asked_.contains(entry.key)) continue;
    const std::string_view name = entry.key.substr(prefix_.size());
    if (std::find(std::begin(kDescriptive), std::end(kDescriptive), name) !=
        std::end(kDescriptive)) {
      continue;
    }
    return unsupported(name, "models with this key are not computed here");
  }
  return ok();
}

}  // namespace plinth::engine
