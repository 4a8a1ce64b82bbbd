// SPDX-License-Identifier: Apache-2.0
// A second implementation of bert and nomic-bert, as plain as the decoders' oracle.
#pragma once

#include "tests/oracle/tensors.h"

namespace plinth::oracle {

// The pooled vector, not normalised.
Result<Vector> embed(const std::string& path, const std::vector<int32_t>& tokens);

}  // namespace plinth::oracle
