// SPDX-License-Identifier: Apache-2.0
// Carries out an EncoderPlan.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/cpu/build_context.h"
#include "engine/models/encoder_plan.h"

namespace plinth::engine::cpu {

// Of one text of the longest length.
uint64_t activation_bytes(const EncoderPlan& plan);

Result<std::unique_ptr<Encoder>> make_encoder(EncoderPlan plan, const BuildContext& build);

}  // namespace plinth::engine::cpu
