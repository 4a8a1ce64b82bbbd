// SPDX-License-Identifier: Apache-2.0
// Random weights in the shape of a real model. Drawing and encoding every weight would take minutes
// for the larger shapes, so a pool of values is drawn and encoded once per format, and tensors are
// put together from random pieces of it: no two rows are alike, and speed and size are the real
// ones.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "base/random.h"
#include "engine/convert.h"
#include "engine/convert/made_up_vocabulary.h"
#include "engine/convert/mixes.h"
#include "engine/convert/shapes.h"
#include "engine/gguf/writer.h"

namespace plinth::engine {
namespace {

using kernels::Format;
using kernels::FormatId;

constexpr float kDeviation = 0.02f;
constexpr int64_t kPoolValues = 1 << 18;
constexpr int64_t kPieceValuesMin = 32;
constexpr uint64_t kWriteBytes = 1 << 20;

std::vector<float> draw_normal(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    // Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    const double angle = 2 * std::numbers::pi * random.uniform();
    value = kDeviation * static_cast<float>(radius * std::cos(angle));
  }
  return values;
}

// Encoded values of one format, from which pieces are drawn.
class BlockPool {
 public:
  BlockPool(const Format& format, const std::vector<float>& values)
      : piece_bytes_(static_cast<uint64_t>(std::max(kPieceValuesMin, format.block_values) /
                                           format.block_values * format.block_bytes)),
        bytes_(static_cast<size_t>(kPoolValues / format.block_values * format.block_bytes), '\0') {
    format.narrow(values.data(), kPoolValues, bytes_.data());
  }

  void draw(Random& random, uint64_t bytes, std::string& out) const {
    const uint64_t pieces = bytes_.size() / piece_bytes_;
    while (bytes > 0) {
      const uint64_t count = std::min(bytes, piece_bytes_);
      out.append(bytes_, random.below(pieces) * piece_bytes_, count);
      bytes -= count;
    }
  }

 private:
  uint64_t piece_bytes_;
  std::string bytes_;
};

// The factors by which the frequencies of rotary positions are divided: those whose wave is long
// against the original context by `factor`, short waves not at all, with a ramp between. Source:
// the "llama3" rope type of the Llama 3.1 configuration (low 1, high 4, original context 8192).
std::vector<float> rope_factors(const ModelShape& shape) {
  constexpr double kOriginalContext = 8192;
  constexpr double kLow = 1;
  constexpr double kHigh = 4;
  std::vector<float> factors;
  for (int64_t i = 0; i < shape.head_length / 2; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(shape.head_length);
    const double wave =
        2 * std::numbers::pi * std::pow(static_cast<double>(shape.rope_base), exponent);
    const double ramp = std::clamp((kOriginalContext / wave - kLow) / (kHigh - kLow), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / ((1 - ramp) / shape.rope_factor + ramp)));
  }
  return factors;
}

void add_metadata(const ModelShape& shape, const Mix& mix, gguf::MetadataWriter& out) {
  const std::string prefix = std::string(shape.architecture) + ".";
  const auto add = [&](std::string_view key, int64_t value) {
    out.add_u32(prefix + std::string(key), static_cast<uint32_t>(value));
  };
  out.add_string("general.architecture", shape.architecture);
  out.add_string("general.name", "random " + std::string(shape.architecture) + " " +
                                     std::string(shape.name) + " " + std::string(mix.name));
  out.add_u32("general.file_type", mix.file_type);
  out.add_u32("general.quantization_version", kQuantizationVersion);
  add("context_length", shape.context);
  add("embedding_length", shape.width);
  add("block_count", shape.layers);
  add("feed_forward_length", shape.feed_forward);
  add("attention.head_count", shape.heads);
  add("attention.head_count_kv", shape.kv_heads);
  if (shape.heads * shape.head_length != shape.width) {
    add("attention.key_length", shape.head_length);
    add("attention.value_length", shape.head_length);
  }
  out.add_f32(prefix + "attention.layer_norm_rms_epsilon", shape.epsilon);
  out.add_f32(prefix + "rope.freq_base", shape.rope_base);
  if (shape.architecture == "llama") add("rope.dimension_count", shape.head_length);
  if (shape.experts > 0) {
    add("expert_count", shape.experts);
    add("expert_used_count", shape.experts_used);
    add("expert_feed_forward_length", shape.expert_feed_forward);
  }
  if (shape.architecture == "gpt-oss") {
    add("attention.sliding_window", 128);
    out.add_string(prefix + "rope.scaling.type", "yarn");
    out.add_f32(prefix + "rope.scaling.factor", 32);
    add("rope.scaling.original_context_length", 4096);
  }
  add_made_up_vocabulary(shape.vocabulary, shape.pre, out);
}

class Synthesis {
 public:
  Synthesis(const ModelShape& shape, const Mix& mix, uint64_t seed)
      : shape_(shape), mix_(mix), random_(seed), values_(draw_normal(random_, kPoolValues)) {
    for (const TensorPlan& plan : tensors_of(shape)) {
      const Format& format = format_of(plan);
      uint64_t values = 1;
      for (const uint64_t size : plan.dimensions) values *= size;
      const uint64_t bytes = values / static_cast<uint64_t>(format.block_values) *
                             static_cast<uint64_t>(format.block_bytes);
      tensors_.push_back({plan, &format, bytes});
      parameters_ += values;
    }
  }

  Result<WrittenModel> write(const std::string& path) {
    gguf::HeaderWriter header;
    add_metadata(shape_, mix_, header.metadata);
    for (const Tensor& tensor : tensors_) {
      header.add_tensor(tensor.plan.name, tensor.plan.dimensions,
                        static_cast<uint32_t>(tensor.format->id), tensor.bytes);
    }
    const auto file = TRY(gguf::FileWriter::create(path, header));
    for (const Tensor& tensor : tensors_) TRY(write_tensor(tensor, *file));
    const uint64_t file_bytes = TRY(file->finish());
    return WrittenModel{path, file_bytes, parameters_, static_cast<int64_t>(tensors_.size())};
  }

 private:
  struct Tensor {
    TensorPlan plan;
    const Format* format;
    uint64_t bytes;
  };

  const Format& format_of(const TensorPlan& plan) const {
    const TensorPlace place{plan.name, plan.dimensions, shape_.layers, shape_.is_output_tied,
                            shape_.experts > 0};
    return kernels::format_of(is_narrowed(place) ? format_for(mix_, place) : FormatId::f32);
  }

  Status write_tensor(const Tensor& tensor, gguf::FileWriter& file) {
    if (tensor.plan.filling != Filling::normal) {
      const std::vector<float> values = tensor.plan.filling == Filling::ones
                                            ? std::vector<float>(tensor.plan.dimensions[0], 1.0f)
                                            : rope_factors(shape_);
      return file.write({reinterpret_cast<const char*>(values.data()), tensor.bytes});
    }
    const BlockPool& pool =
        pools_.try_emplace(tensor.format->id, *tensor.format, values_).first->second;
    std::string bytes;
    for (uint64_t left = tensor.bytes; left > 0; left -= bytes.size()) {
      bytes.clear();
      // Whole pieces of every format: 32 values of the plain ones, one block of the others.
      const auto step = static_cast<uint64_t>(kPieceValuesMin * tensor.format->block_bytes);
      pool.draw(random_, std::min(left, kWriteBytes / step * step), bytes);
      TRY(file.write(bytes));
    }
    return ok();
  }

  const ModelShape& shape_;
  const Mix& mix_;
  SeededRandom random_;
  std::vector<float> values_;
  std::map<FormatId, BlockPool> pools_;
  std::vector<Tensor> tensors_;
  uint64_t parameters_ = 0;
};

}  // namespace

std::vector<std::string> synthesis_shapes() {
  std::vector<std::string> names;
  for (const ModelShape& shape : shape_table()) {
    names.push_back(std::string(shape.architecture) + " " + std::string(shape.name));
  }
  return names;
}

Result<WrittenModel> synthesize(const SynthesisRequest& request, const std::string& path) {
  const ModelShape* shape = TRY(find_shape(request.architecture, request.shape));
  const Mix* mix = TRY(find_mix(request.type));
  return Synthesis(*shape, *mix, request.seed).write(path);
}

}  // namespace plinth::engine
