// SPDX-License-Identifier: Apache-2.0
// The format: general.type "adapter", adapter.type "lora", adapter.lora.alpha, and for each weight
// NAME the tensors NAME.lora_a [length, rank] and NAME.lora_b [rank, rows]. Where alpha is 0, B A
// is not scaled.
#include "engine/models/lora.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "engine/kernels/formats/formats.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kSuffixA = ".lora_a";
constexpr std::string_view kSuffixB = ".lora_b";

constexpr size_t kShownBytesMax = 64;
constexpr double kAlphaMax = 1e6;

// Keys below "adapter." that are read, or that say nothing about what is computed.
constexpr std::string_view kKnownKeys[] = {
    "adapter.type",
    "adapter.lora.alpha",
    "adapter.lora.task_name",
    "adapter.lora.prompt_prefix",
};

Error error_at(ErrorCode code, const std::string& field, const std::string& cause) {
  return make_error(code, field + ": " + cause, field);
}

// unsupported when the key holds another text.
Status expect_text(const gguf::Contents& contents, const std::string& key,
                   std::string_view expected) {
  const std::string_view found = TRY(contents.required_string(key));
  if (found == expected) return ok();
  const bool is_shown = found.size() <= kShownBytesMax && is_utf8(found);
  return error_at(ErrorCode::unsupported, key,
                  "\"" + std::string(is_shown ? found : "...") + "\", expected \"" +
                      std::string(expected) + "\"");
}

Status check_header(const gguf::Contents& contents, const gguf::Contents& base) {
  TRY(expect_text(contents, "general.type", "adapter"));
  TRY(expect_text(contents, "adapter.type", "lora"));
  const std::string_view architecture = TRY(base.required_string("general.architecture"));
  TRY(expect_text(contents, "general.architecture", architecture));
  for (const gguf::Entry& entry : contents.entries) {
    if (!entry.key.starts_with("adapter.") ||
        std::find(std::begin(kKnownKeys), std::end(kKnownKeys), entry.key) !=
            std::end(kKnownKeys)) {
      continue;
    }
    return error_at(ErrorCode::unsupported, std::string(entry.key),
                    "adapters with this key are not computed here");
  }
  if (contents.tensors.empty()) {
    return make_error(ErrorCode::malformed, "the adapter has no tensors");
  }
  return ok();
}

std::string shape_text(const gguf::Tensor& tensor) {
  std::string text;
  for (const uint64_t dimension : tensor.dimensions) {
    text += (text.empty() ? "[" : ", ") + std::to_string(dimension);
  }
  return text + "]";
}

Result<const gguf::Tensor*> find_part(const gguf::Contents& contents, const std::string& name,
                                      uint64_t length, uint64_t rows, const char* expected) {
  const gguf::Tensor* tensor = contents.find_tensor(name);
  if (!tensor) return error_at(ErrorCode::malformed, name, "the file lacks this tensor");
  if (tensor->dimensions.size() != 2 || (length != 0 && tensor->dimensions[0] != length) ||
      (rows != 0 && tensor->dimensions[1] != rows)) {
    return error_at(
        ErrorCode::malformed, name,
        "its shape is " + shape_text(*tensor) + ", the model's tensor asks for " + expected);
  }
  if (!kernels::find_format(tensor->type.id)) {
    return error_at(ErrorCode::unsupported, name,
                    "type " + std::string(tensor->type.name) + " is not computed");
  }
  return tensor;
}

Result<std::vector<float>> widen(const gguf::Tensor& tensor, const std::byte* data) {
  const kernels::Format* format = kernels::find_format(tensor.type.id);
  std::vector<float> values(static_cast<size_t>(tensor.values));
  const auto length = static_cast<int64_t>(tensor.dimensions[0]);
  const int64_t row_bytes = length / format->block_values * format->block_bytes;
  for (size_t row = 0; row < tensor.dimensions[1]; ++row) {
    format->widen(data + static_cast<int64_t>(row) * row_bytes, length,
                  values.data() + static_cast<int64_t>(row) * length);
  }
  for (const float value : values) {
    if (std::isfinite(value)) continue;
    return error_at(ErrorCode::malformed, std::string(tensor.name), "a value is not finite");
  }
  return values;
}

class AdapterReader {
 public:
  AdapterReader(const gguf::Contents& contents, const Adapter::DataOf& data_of,
                const gguf::Contents& base, double alpha)
      : contents_(contents), data_of_(data_of), base_(base), alpha_(alpha) {}

  // The matrices for the model's tensor `name`.
  Result<LowRank> read(const std::string& name) {
    const gguf::Tensor* weight = base_.find_tensor(name);
    if (!weight) {
      return error_at(ErrorCode::unsupported, name,
                      "the adapter changes this tensor, which the model has not");
    }
    if (weight->dimensions.size() != 2) {
      return error_at(ErrorCode::unsupported, name,
                      "adapters of tensors of shape " + shape_text(*weight) + " are not computed");
    }
    const uint64_t length = weight->dimensions[0];
    const uint64_t rows = weight->dimensions[1];
    const gguf::Tensor* a = TRY(find_part(contents_, name + std::string(kSuffixA), length, 0,
                                          "as many values per row as its own have"));
    const uint64_t rank = a->dimensions[1];
    if (rank < 1 || rank > static_cast<uint64_t>(kAdapterRankMax)) {
      return error_at(
          ErrorCode::unsupported, std::string(a->name),
          "rank " + std::to_string(rank) + " is outside 1.." + std::to_string(kAdapterRankMax));
    }
    const gguf::Tensor* b = TRY(find_part(contents_, name + std::string(kSuffixB), rank, rows,
                                          "[rank, as many rows as it has]"));
    bytes_ += (a->values + b->values) * sizeof(float);  // a rank is small: cannot overflow
    if (bytes_ > kAdapterBytesMax) {
      return error_at(ErrorCode::too_large, name,
                      "the adapter is larger than " + std::to_string(kAdapterBytesMax >> 20) +
                          " MiB; lower its rank");
    }
    LowRank found;
    found.length = static_cast<int64_t>(length);
    found.rank = static_cast<int64_t>(rank);
    found.rows = static_cast<int64_t>(rows);
    found.scale = alpha_ == 0 ? 1 : static_cast<float>(alpha_ / static_cast<double>(rank));
    found.a = TRY(widen(*a, data_of_(*a)));
    found.b = TRY(widen(*b, data_of_(*b)));
    return found;
  }

 private:
  const gguf::Contents& contents_;
  const Adapter::DataOf& data_of_;
  const gguf::Contents& base_;
  double alpha_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Adapter>> Adapter::load(const std::string& path,
                                                     const gguf::Contents& base) {
  const auto file = TRY(gguf::File::open(path));
  return read(
      file->contents(), [&](const gguf::Tensor& tensor) { return file->data(tensor); }, base);
}

Result<std::shared_ptr<const Adapter>> Adapter::read(const gguf::Contents& contents,
                                                     const DataOf& data_of,
                                                     const gguf::Contents& base) {
  TRY(check_header(contents, base));
  constexpr const char* kAlpha = "adapter.lora.alpha";
  const auto alpha = TRY(contents.number(kAlpha));
  if (!alpha || !(std::fabs(*alpha) <= kAlphaMax)) {
    return error_at(ErrorCode::malformed, kAlpha, "missing or not within a million of 0");
  }
  auto adapter = std::make_shared<Adapter>();
  AdapterReader reader(contents, data_of, base, *alpha);
  for (const gguf::Tensor& tensor : contents.tensors) {
    const bool is_a = tensor.name.ends_with(kSuffixA);
    if (!is_a && !tensor.name.ends_with(kSuffixB)) {
      return error_at(ErrorCode::unsupported, std::string(tensor.name),
                      "a LoRA adapter has tensors NAME.lora_a and NAME.lora_b alone");
    }
    const std::string name(tensor.name.substr(0, tensor.name.size() - kSuffixA.size()));
    if (adapter->tensors_.contains(name)) continue;  // read with its other half
    adapter->tensors_.emplace(name, TRY(reader.read(name)));
  }
  return std::shared_ptr<const Adapter>(std::move(adapter));
}

const LowRank* Adapter::find(std::string_view tensor) const {
  const auto found = tensors_.find(tensor);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace plinth::engine
