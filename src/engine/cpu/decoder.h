// SPDX-License-Identifier: Apache-2.0
// Carries out a DecoderPlan: the one forward pass of every decoder architecture.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/cpu/build_context.h"
#include "engine/models/decoder_plan.h"

namespace plinth::engine::cpu {

// Errors: too_large when the activations of `rows_max` rows exceed kActivationBytesMax.
Result<std::unique_ptr<Model>> make_decoder(DecoderPlan plan, const BuildContext& build);

// Of one batch of rows_max rows, without logits.
uint64_t activation_bytes(const DecoderPlan& plan, Precision precision, int64_t rows_max);

inline constexpr uint64_t kActivationBytesMax = uint64_t{8} << 30;

}  // namespace plinth::engine::cpu
