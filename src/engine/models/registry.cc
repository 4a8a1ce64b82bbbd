// SPDX-License-Identifier: Apache-2.0
// The table of model architectures. To add one: a file beside this one and a line here.
#include "engine/models/architectures.h"
#include "engine/models/attention.h"
#include "engine/models/decoder.h"
#include "engine/models/encoder.h"
#include "engine/models/model.h"
#include "engine/models/packing.h"

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
template <typename Plan, typename Describe>
Result<Plan> describe(const BuildOptions& options, std::string_view purpose) {
  const ArchitectureRow* row = TRY(find_architecture(options.file.contents()));
  const auto* plan = std::get_if<Describe>(&row->plan);
  if (!plan) {
    return make_error(
        ErrorCode::unsupported,
        "general.architecture: \"" + std::string(row->name) + "\" does not " + std::string(purpose),
        "general.architecture");
  }
  ModelReader reader{Metadata(options.file.contents(), row->name), WeightReader(options.file),
                     options.context};
  Plan described = TRY((*plan)(reader));
  TRY(reader.check_all_used());
  return described;
}

}  // namespace

Result<bool> is_encoder(const gguf::Contents& contents) {
  const ArchitectureRow* row = TRY(find_architecture(contents));
  return std::holds_alternative<PlanEncoder>(row->plan);
}

Result<std::unique_ptr<Model>> build_model(const BuildOptions& options) {
  DecoderPlan plan = TRY((describe<DecoderPlan, PlanDecoder>(options, "generate text")));
  if (options.precision == Precision::fast) pack(plan, options);
  return make_decoder(std::move(plan), options);
}

Result<ModelSize> measure_model(const BuildOptions& options, int threads) {
  ModelSize size;
  const bool is_packed = options.precision == Precision::fast;
  if (TRY(is_encoder(options.file.contents()))) {
    auto plan = TRY((describe<EncoderPlan, PlanEncoder>(options, "make embeddings")));
    if (is_packed) size.packed_bytes = packed_bytes(plan);
    size.buffer_bytes = activation_bytes(plan);
    return size;
  }
  auto plan = TRY((describe<DecoderPlan, PlanDecoder>(options, "generate text")));
  size.kv_shape = kv_shape_of(plan, options.kv_format);
  if (is_packed) size.packed_bytes = packed_bytes(plan);
  size.buffer_bytes = activation_bytes(plan, options.precision, options.rows_max) +
                      LookBack::buffer_bytes_max(plan.shape, options.context, threads);
  return size;
}

Result<std::unique_ptr<Encoder>> build_encoder(const BuildOptions& options) {
  EncoderPlan plan = TRY((describe<EncoderPlan, PlanEncoder>(options, "make embeddings")));
  if (options.precision == Precision::fast) pack(plan, options);
  return make_encoder(std::move(plan), options);
}

}  // namespace plinth::engine
