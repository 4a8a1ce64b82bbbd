// SPDX-License-Identifier: Apache-2.0
// The table of model families: what each calls its sizes and its tensors, and what GGUF calls them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace plinth::engine::checkpoint {

// One key of config.json that becomes one of the metadata, under the architecture's name.
struct KeyRow {
  enum class Kind : uint8_t { integer, real };
  enum class Presence : uint8_t { required, optional, fallback };
  std::string_view config;
  std::string_view metadata;
  Kind kind = Kind::integer;
  Presence presence = Presence::required;
  double fallback = 0;  // what the family takes where the key is absent
};

// A key of config.json that must have one of these values where it is present, because another one
// stands for a model that is not computed. Values as compact JSON; "" ends the list.
struct CheckRow {
  std::string_view config;
  std::string_view allowed[3];
};

// How a tensor's values are placed or changed.
enum class Change : uint8_t {
  none,
  dropped,           // not part of what is computed
  one_added,         // norm weights that GGUF stores with the 1 their formula adds
  pairs_of_queries,  // halves of each head become neighbours, as GGUF's llama turns them
  pairs_of_keys,
  even_rows_and_odd,  // gate and up in turn, with transposed matrices where they are plain
  transposed,
};

// `source` is a tensor's name in which # stands for a number (the first is the layer, the second
// the expert) and without a last ".weight" or ".bias", which is carried over. `target` may hold #
// for the layer.
struct NameRow {
  std::string_view source;
  std::string_view target;
  Change change = Change::none;
};

struct Family {
  std::string_view model_type;    // of config.json
  std::string_view architecture;  // general.architecture
  std::span<const KeyRow> keys;
  std::span<const KeyRow> more_keys;
  std::span<const NameRow> names;
  std::span<const NameRow> more_names;
  std::span<const CheckRow> checks;
  // Of layer_types: 0: all see everything; n: every n-th one does; -1: not checked.
  int64_t window_period = -1;
};

// Makes embeddings instead of text.
bool is_encoder(const Family& family);

// Errors: unsupported names the model types there are; malformed when the key is missing.
Result<const Family*> find_family(const Json& config);

}  // namespace plinth::engine::checkpoint
