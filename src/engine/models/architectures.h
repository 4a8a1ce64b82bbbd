// SPDX-License-Identifier: Apache-2.0
// One function per architecture, each in a file of its name: it reads the metadata, refuses
// variants that are not computed, and describes the model. registry.cc lists them.
#pragma once

#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"
#include "engine/models/model_reader.h"

namespace plinth::engine {

Result<DecoderPlan> plan_llama(ModelReader& reader);
Result<DecoderPlan> plan_qwen2(ModelReader& reader);
Result<DecoderPlan> plan_qwen3(ModelReader& reader);
Result<DecoderPlan> plan_qwen3moe(ModelReader& reader);
Result<DecoderPlan> plan_gemma2(ModelReader& reader);
Result<DecoderPlan> plan_gemma3(ModelReader& reader);
Result<DecoderPlan> plan_phi3(ModelReader& reader);
Result<DecoderPlan> plan_gpt_oss(ModelReader& reader);

Result<EncoderPlan> plan_bert(ModelReader& reader);
Result<EncoderPlan> plan_nomic_bert(ModelReader& reader);

}  // namespace plinth::engine
