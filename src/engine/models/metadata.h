// SPDX-License-Identifier: Apache-2.0
// The metadata of one architecture, whose keys stand under its own name, and what was asked of it:
// a key nobody asked for may describe a variant that is not computed, so it is refused.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/gguf/contents.h"

namespace plinth::engine {

// Names are without the architecture: "block_count" reads llama.block_count of a llama file.
class Metadata {
 public:
  Metadata(const gguf::Contents& contents, std::string_view architecture)
      : contents_(contents), prefix_(std::string(architecture) + ".") {}

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool has(std::string_view name) const { return contents_.find(key(name)) != nullptr; }

  // nullopt when the key is absent; malformed when it has another type or lies outside the bounds.
  Result<std::optional<int64_t>> integer(std::string_view name, int64_t min, int64_t max);
  Result<std::optional<double>> number(std::string_view name);
  Result<std::optional<bool>> boolean(std::string_view name);
  Result<std::optional<std::string_view>> string(std::string_view name);
  Result<int64_t> required_integer(std::string_view name, int64_t min, int64_t max);
  // Above 0.
  Result<double> positive(std::string_view name, double otherwise);
  Result<double> required_positive(std::string_view name);
  // One integer for all layers: a single one, or an array of equal ones (unsupported when they
  // differ).
  Result<std::optional<int64_t>> same_in_all_layers(std::string_view name, int64_t min,
                                                    int64_t max);

  Error malformed(std::string_view name, const std::string& cause) const;
  Error unsupported(std::string_view name, const std::string& cause) const;
  // unsupported when the architecture has a key that was not asked for and changes results.
  Status check_all_used() const;

  const gguf::Contents& contents() const { return contents_; }

 private:
  std::string ask(std::string_view name);

  const gguf::Contents& contents_;
  std::string prefix_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace plinth::engine
