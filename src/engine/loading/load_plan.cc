// SPDX-License-Identifier: Apache-2.0
#include "engine/loading/load_plan.h"

#include <algorithm>

#include "engine/batcher/batcher.h"
#include "engine/kernels/attention/kv_store.h"
#include "engine/kernels/formats/formats.h"
#include "engine/loading/make_backend.h"
#include "engine/models/registry.h"
#include "engine/models/summary.h"
#include "engine/option_error.h"

namespace plinth::engine {
namespace {

constexpr int kSequencesMax = 256;
constexpr int kQueueMax = 1 << 16;
constexpr int64_t kContextTokensMax = 1 << 20;
// Room for keys and values of all sequences together, unless one context asked for needs more.
constexpr uint64_t kKvBytesMax = uint64_t{8} << 30;

// The longest context up to `trained` whose keys and values fit the limit.
int64_t fitting_context(const KvShape& shape, int64_t trained) {
  const auto fits = [&](int64_t context) {
    const KvRoom room{context, 1, kPrefillTokensMax};
    return plan_kv(shape, room).bytes() <= kKvBytesMax;
  };
  if (fits(trained)) return trained;
  int64_t good = 2;
  int64_t bad = trained;
  while (good + 1 < bad) {
    const int64_t middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return good;
}

// Tokens of one sequence: as asked for, else the trained length as far as its keys and values fit.
Result<int64_t> context_of(const EngineOptions& options, int64_t trained, const KvShape& shape) {
  if (options.context_tokens_max == 0) {
    return shape.windows.empty() ? trained : fitting_context(shape, trained);
  }
  if (options.context_tokens_max < 2 || options.context_tokens_max > trained) {
    return option_error("context_tokens_max", std::to_string(options.context_tokens_max) +
                                                  " is outside 2.." + std::to_string(trained) +
                                                  ", the trained context of this model");
  }
  return options.context_tokens_max;
}

// Half precision where it saves memory that counts and where activations are rounded to 8 bits
// anyway: next to that it costs nothing that can be measured. The context it is loaded for does not
// count, so that it does not change a model's results.
KvFormat kv_format_of(const EngineOptions& options, const ModelSummary& summary,
                      const gguf::Contents& contents, const Backend& backend) {
  constexpr uint64_t kSmallBytes = uint64_t{64} << 20;  // of one sequence, F32
  if (options.kv_format) return *options.kv_format;
  if (options.precision == Precision::exact) return KvFormat::f32;
  const auto context = static_cast<uint64_t>(summary.context_tokens);
  if (summary.kv_bytes_per_token <= kSmallBytes / context) return KvFormat::f32;
  const auto& tensors = contents.tensors;
  const bool has_rounding =
      std::any_of(tensors.begin(), tensors.end(), [&](const gguf::Tensor& tensor) {
        return tensor.type.is_used &&
               backend.rounds_activations(*kernels::find_format(tensor.type.id));
      });
  return has_rounding ? KvFormat::f16 : KvFormat::f32;
}

// Texts, a table of them, and the merges: an estimate.
uint64_t tokenizer_bytes(const ModelSummary& summary) {
  constexpr uint64_t kBytesPerToken = 128;
  return kBytesPerToken * static_cast<uint64_t>(summary.vocabulary);
}

Result<ModelSize> measure_model(const BuildOptions& options, const Backend& backend) {
  if (TRY(is_encoder(options.file.contents()))) {
    return backend.measure(TRY(plan_encoder(options.file, options.context)), options);
  }
  return backend.measure(TRY(plan_decoder(options.file, options.context)), options);
}

}  // namespace

Status check_options(const EngineOptions& options) {
  if (options.sequences_max < 1 || options.sequences_max > kSequencesMax) {
    return option_error("sequences_max",
                        std::to_string(options.sequences_max) + " is outside 1..256");
  }
  if (options.speculation == Speculation::draft && options.draft_path.empty()) {
    return option_error("speculation", "draft needs draft_path, a model of the same vocabulary");
  }
  if (options.queue_max < 1 || options.queue_max > kQueueMax) {
    return option_error("queue_max", std::to_string(options.queue_max) + " is outside 1..65536");
  }
  return ok();
}

Result<LoadPlan> plan_load(const EngineOptions& options, const gguf::File& file,
                           const ModelSummary& summary, const Backend& backend) {
  LoadPlan plan;
  plan.rows_max = batch_rows_max(options.sequences_max);
  plan.kv_format = kv_format_of(options, summary, file.contents(), backend);
  const int64_t trained = std::min(summary.context_tokens, kContextTokensMax);
  BuildOptions build{file, plan.rows_max, trained, options.precision, {}, plan.kv_format};
  const KvShape shape = TRY(measure_model(build, backend)).kv_shape;
  plan.context = TRY(context_of(options, trained, shape));
  build.context = plan.context;
  const ModelSize size = TRY(measure_model(build, backend));
  plan.memory.file_bytes = summary.file_bytes;
  plan.memory.packed_bytes = size.weight_bytes;
  plan.memory.buffer_bytes = size.buffer_bytes;
  plan.memory.tokenizer_bytes = tokenizer_bytes(summary);
  plan.memory.context_tokens = plan.context;
  plan.memory.sequences = options.sequences_max;
  plan.memory.kv_format = kernels::kv_store_of(plan.kv_format).name;
  const int full = options.kv_sequences > 0 ? options.kv_sequences : options.sequences_max;
  plan.room = {plan.context, full, kPrefillTokensMax, kKvBytesMax};
  if (!shape.windows.empty()) plan.memory.kv_bytes = plan_kv(shape, plan.room).bytes();
  return plan;
}

uint64_t MemoryPrediction::total_bytes() const {
  uint64_t sum = 0;
  for (const uint64_t part : {file_bytes, packed_bytes, kv_bytes, buffer_bytes, tokenizer_bytes}) {
    if (__builtin_add_overflow(sum, part, &sum)) return UINT64_MAX;
  }
  return sum;
}

Json MemoryPrediction::to_json() const {
  return Json::object({{"total_bytes", total_bytes()},
                       {"file_bytes", file_bytes},
                       {"packed_bytes", packed_bytes},
                       {"kv_bytes", kv_bytes},
                       {"buffer_bytes", buffer_bytes},
                       {"tokenizer_bytes", tokenizer_bytes},
                       {"context_tokens", context_tokens},
                       {"sequences", sequences},
                       {"kv_format", kv_format}});
}

Result<MemoryPrediction> predict_memory(const EngineOptions& options) {
  TRY(check_options(options));
  const auto backend = TRY(make_backend(options));
  const auto file = TRY(gguf::File::open(options.path));
  const ModelSummary summary = TRY(summarize(*file));
  return TRY(plan_load(options, *file, summary, *backend)).memory;
}

std::vector<std::string> kv_format_names() {
  const kernels::KvStoreTable table = kernels::kv_store_table();
  std::vector<std::string> names;
  for (int i = 0; i < table.count; ++i) names.emplace_back(table.rows[i].name);
  return names;
}

Result<KvFormat> find_kv_format(std::string_view name) {
  const kernels::KvStoreTable table = kernels::kv_store_table();
  std::string known;
  for (int i = 0; i < table.count; ++i) {
    if (table.rows[i].name == name) return table.rows[i].format;
    known += (i > 0 ? ", " : "") + std::string(table.rows[i].name);
  }
  return option_error("kv_format",
                      "\"" + std::string(name) + "\" is not known; known are " + known);
}

}  // namespace plinth::engine
