// SPDX-License-Identifier: Apache-2.0
// What an architecture's file reads a model from.
#pragma once

#include "engine/models/metadata.h"
#include "engine/models/weights.h"

namespace plinth::engine {

struct ModelReader {
  Metadata metadata;
  WeightReader weights;
  int64_t context = 0;  // tokens a sequence may have; some models' positions depend on it

  Status check_all_used() const {
    TRY(metadata.check_all_used());
    return weights.check_all_used();
  }
};

inline std::string layer_prefix(int64_t layer) { return "blk." + std::to_string(layer) + "."; }

}  // namespace plinth::engine
