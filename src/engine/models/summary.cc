// SPDX-License-Identifier: Apache-2.0
// Reads the sizes every architecture states under its own name.
#include "engine/models/summary.h"

#include <filesystem>
#include <map>

#include "engine/convert.h"
#include "engine/models/registry.h"
#include "engine/tokenizer/vocabulary.h"
#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {
namespace {

constexpr int64_t kSizeMax = int64_t{1} << 32;

// Heads with keys and values of their own, of all layers together: one number counts for each
// layer, an array names every layer's.
Result<uint64_t> kv_heads_of_layers(const gguf::Contents& contents, const std::string& key,
                                    int64_t heads, int64_t layers) {
  constexpr int64_t kHeadsMax = 1 << 16;
  const gguf::Entry* entry = contents.find(key);
  if (!entry || !std::holds_alternative<gguf::ArrayView>(entry->value)) {
    const int64_t each = TRY(contents.integer(key, 1, kHeadsMax)).value_or(heads);
    return static_cast<uint64_t>(each) * static_cast<uint64_t>(layers);
  }
  const std::vector<int64_t> each = TRY(contents.integers(key)).value();
  if (each.size() != static_cast<size_t>(layers)) {
    return make_error(ErrorCode::malformed,
                      key + ": " + std::to_string(each.size()) + " numbers for " +
                          std::to_string(layers) + " layers",
                      key);
  }
  uint64_t sum = 0;
  for (const int64_t count : each) {
    if (count < 0 || count > kHeadsMax) {
      return make_error(
          ErrorCode::malformed,
          key + ": " + std::to_string(count) + " is outside 0.." + std::to_string(kHeadsMax), key);
    }
    sum += static_cast<uint64_t>(count);
  }
  return sum;
}

// Bytes of keys and values per token; 0 when the header does not say enough, and for embedders,
// which keep none.
Result<uint64_t> kv_bytes(const gguf::Contents& contents, const std::string& prefix,
                          const ModelSummary& summary) {
  const auto encoder = is_encoder(contents);
  if (encoder.is_ok() && *encoder) return uint64_t{0};
  const std::string attention = prefix + "attention.";
  if (!contents.find(attention + "head_count")) return uint64_t{0};
  const uint64_t heads_of_layers =
      TRY(kv_heads_of_layers(contents, attention + "head_count", 1, summary.layers));
  const auto heads = static_cast<int64_t>(heads_of_layers) / summary.layers;
  if (heads == 0) return uint64_t{0};
  const uint64_t kv_heads =
      TRY(kv_heads_of_layers(contents, attention + "head_count_kv", heads, summary.layers));
  const int64_t head_length = summary.embedding / heads;
  const int64_t key =
      TRY(contents.integer(attention + "key_length", 1, 1 << 16)).value_or(head_length);
  const int64_t value =
      TRY(contents.integer(attention + "value_length", 1, 1 << 16)).value_or(head_length);
  return kv_heads * static_cast<uint64_t>(key + value) * sizeof(float);
}

// Recommended by who made the file; the keys are those that GGUF files carry elsewhere.
Status read_sampling(const gguf::Contents& contents, ModelSummary& summary) {
  const auto within = [&](const char* key, double least, double most) -> Result<double> {
    const double value = TRY(contents.number(key)).value_or(1);
    if (value >= least && value <= most) return value;
    return make_error(ErrorCode::malformed,
                      std::string(key) + ": " + std::to_string(value) + " is outside " +
                          std::to_string(least) + ".." + std::to_string(most),
                      key);
  };
  summary.temperature = TRY(within("general.sampling.temp", 0, 100));
  summary.top_p = TRY(within("general.sampling.top_p", 1e-6, 1));
  return ok();
}

// The vocabulary is read only for the templates that leave their format open. A file whose tokens
// cannot be read still has a summary.
Status read_formats(const gguf::Contents& contents, ModelSummary& summary) {
  const auto source = TRY(contents.string("tokenizer.chat_template"));
  summary.has_chat_template = source.has_value();
  if (!source) return ok();
  const CallFormat& calls = find_call_format(*source, [&](std::string_view text) {
    const auto vocabulary = Vocabulary::read(contents);
    if (vocabulary.is_error()) return false;
    const std::optional<Token> token = vocabulary->find(text);
    return token && is_special(vocabulary->entry(*token).kind);
  });
  summary.tool_call_format = calls.name;
  const ReasoningFormat* reasoning = find_reasoning_format(*source, calls);
  if (reasoning) summary.reasoning_format = reasoning->name;
  if (calls.reading == CallReading::channels) summary.reasoning_format = calls.name;
  return ok();
}

}  // namespace

Result<ModelSummary> summarize(const gguf::File& file) {
  const gguf::Contents& contents = file.contents();
  ModelSummary summary;
  summary.architecture = TRY(contents.required_string("general.architecture"));
  summary.name = TRY(contents.string("general.name")).value_or(std::string_view());
  if (summary.name.empty()) summary.name = std::filesystem::path(file.path()).stem().string();
  const std::string prefix = summary.architecture + ".";
  summary.context_tokens = TRY(contents.required_integer(prefix + "context_length", 1, kSizeMax));
  summary.embedding = TRY(contents.required_integer(prefix + "embedding_length", 1, kSizeMax));
  summary.layers = TRY(contents.required_integer(prefix + "block_count", 1, 1 << 16));
  summary.kv_bytes_per_token = TRY(kv_bytes(contents, prefix, summary));
  summary.file_bytes = file.size_bytes();
  const gguf::Entry* tokens = contents.find("tokenizer.ggml.tokens");
  if (tokens && std::holds_alternative<gguf::ArrayView>(tokens->value)) {
    summary.vocabulary = static_cast<int64_t>(std::get<gguf::ArrayView>(tokens->value).count);
  }
  TRY(read_sampling(contents, summary));
  TRY(read_formats(contents, summary));

  std::map<std::string_view, uint64_t> bytes_by_type;
  for (const gguf::Tensor& tensor : contents.tensors) {
    summary.parameters += tensor.values;
    bytes_by_type[tensor.type.name] += tensor.bytes;
  }
  uint64_t most = 0;
  for (const auto& [name, bytes] : bytes_by_type) {
    if (bytes <= most) continue;
    most = bytes;
    summary.quantization = name;
  }
  return summary;
}

Result<ModelSummary> inspect_model(const std::string& path) {
  const auto file = TRY(gguf::File::open(TRY(model_file(path))));
  return summarize(*file);
}

Json ModelSummary::to_json() const {
  return Json::object({
      {"name", name},
      {"architecture", architecture},
      {"quantization", quantization},
      {"parameters", parameters},
      {"file_bytes", file_bytes},
      {"context_tokens", context_tokens},
      {"vocabulary", vocabulary},
      {"layers", layers},
      {"embedding", embedding},
      {"kv_bytes_per_token", kv_bytes_per_token},
      {"has_chat_template", has_chat_template},
      {"tool_call_format", tool_call_format},
      {"reasoning_format", reasoning_format},
      {"temperature", temperature},
      {"top_p", top_p},
  });
}

}  // namespace plinth::engine
