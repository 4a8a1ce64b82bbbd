// SPDX-License-Identifier: Apache-2.0
// The table of model architectures. To add one: a file beside this one and a line here.
#include "engine/models/registry.h"

#include "engine/models/architectures.h"

namespace plinth::engine {
namespace {

using PlanDecoder = Result<DecoderPlan> (*)(ModelReader& reader);
using PlanEncoder = Result<EncoderPlan> (*)(ModelReader& reader);

struct ArchitectureRow {
  std::string_view name;  // general.architecture
  std::variant<PlanDecoder, PlanEncoder> plan;
};

constexpr ArchitectureRow kArchitectures[] = {
    {"llama", plan_llama},  // and mistral and mixtral, which say so too
    {"qwen2", plan_qwen2},     {"qwen3", plan_qwen3},   {"qwen3moe", plan_qwen3moe},
    {"gemma2", plan_gemma2},   {"gemma3", plan_gemma3}, {"phi3", plan_phi3},
    {"gpt-oss", plan_gpt_oss}, {"bert", plan_bert},     {"nomic-bert", plan_nomic_bert},
};

Result<const ArchitectureRow*> find_architecture(const gguf::Contents& contents) {
  const std::string_view name = TRY(contents.required_string("general.architecture"));
  std::string supported;
  for (const ArchitectureRow& row : kArchitectures) {
    if (row.name == name) return &row;
    supported += (supported.empty() ? "" : ", ") + std::string(row.name);
  }
  return make_error(ErrorCode::unsupported,
                    "general.architecture: \"" + std::string(name) +
                        "\" is not supported; supported: " + supported,
                    "general.architecture");
}

// Error: unsupported when the architecture is of the other kind.
template <typename Plan>
Result<Plan> describe(const gguf::File& file, int64_t context, std::string_view purpose) {
  const ArchitectureRow* row = TRY(find_architecture(file.contents()));
  const auto* plan = std::get_if<Result<Plan> (*)(ModelReader&)>(&row->plan);
  if (!plan) {
    return make_error(
        ErrorCode::unsupported,
        "general.architecture: \"" + std::string(row->name) + "\" does not " + std::string(purpose),
        "general.architecture");
  }
  ModelReader reader{Metadata(file.contents(), row->name), WeightReader(file), context};
  Plan described = TRY((*plan)(reader));
  TRY(reader.check_all_used());
  return described;
}

}  // namespace

Result<bool> is_encoder(const gguf::Contents& contents) {
  const ArchitectureRow* row = TRY(find_architecture(contents));
  return std::holds_alternative<PlanEncoder>(row->plan);
}

Result<DecoderPlan> plan_decoder(const gguf::File& file, int64_t context) {
  return describe<DecoderPlan>(file, context, "generate text");
}

Result<EncoderPlan> plan_encoder(const gguf::File& file, int64_t context) {
  return describe<EncoderPlan>(file, context, "make embeddings");
}

}  // namespace plinth::engine
