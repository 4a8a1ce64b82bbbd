// SPDX-License-Identifier: Apache-2.0
// Carries out an EncoderPlan.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/models/encoder_plan.h"
#include "engine/models/model.h"

namespace plinth::engine {

// Of one text of the longest length.
uint64_t activation_bytes(const EncoderPlan& plan);

Result<std::unique_ptr<Encoder>> make_encoder(EncoderPlan plan, const BuildOptions& options);

}  // namespace plinth::engine
