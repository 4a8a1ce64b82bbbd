// SPDX-License-Identifier: Apache-2.0
#include "engine/testing/tiny_adapter.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "engine/gguf/parse.h"

namespace plinth::engine::testing {
namespace {

gguf::Contents parse(const std::string& bytes) {
  return MUST(gguf::parse(bytes), "the test wrote a file that parses");
}

std::vector<float> read_tensor(const std::string& bytes, const gguf::Contents& contents,
                               const std::string& name) {
  const gguf::Tensor* tensor = contents.find_tensor(name);
  CHECK(tensor != nullptr);
  std::vector<float> values(tensor->values);
  kernels::find_format(tensor->type.id)
      ->widen(bytes.data() + contents.data_offset + tensor->offset,
              static_cast<int64_t>(values.size()), values.data());
  return values;
}

}  // namespace

std::string tiny_adapter_bytes(const TinyAdapter& adapter, const std::string& model) {
  GgufWriter file;
  file.add_string("general.type", "adapter");
  file.add_string("general.architecture", adapter.architecture);
  file.add_string("adapter.type", "lora");
  file.add_f32("adapter.lora.alpha", adapter.alpha);
  if (adapter.add_metadata) adapter.add_metadata(file);
  const gguf::Contents contents = parse(model);
  SeededRandom random(adapter.seed);
  for (const std::string& name : adapter.tensors) {
    const gguf::Tensor* weight = contents.find_tensor(name);
    CHECK(weight != nullptr && weight->dimensions.size() == 2);
    const auto rank = static_cast<uint64_t>(adapter.rank);
    // B A is about half as large as the weights of a tiny model are.
    const auto add = [&](const std::string& suffix, uint64_t length, uint64_t rows, double size) {
      std::vector<float> values(length * rows);
      for (float& value : values) value = static_cast<float>(size * (random.uniform() * 2 - 1));
      file.add_tensor(name + suffix, {length, rows}, static_cast<uint32_t>(adapter.type),
                      pack(adapter.type, values));
    };
    const double of_length = 1 / std::sqrt(static_cast<double>(weight->dimensions[0]));
    add(".lora_a", weight->dimensions[0], rank, of_length);
    add(".lora_b", rank, weight->dimensions[1], 0.5);
  }
  return file.build();
}

std::string merge_adapter(std::string model, const std::string& adapter, float scale) {
  const gguf::Contents base = parse(model);
  const gguf::Contents contents = parse(adapter);
  const double alpha = MUST(contents.number("adapter.lora.alpha"), "the test wrote it").value();
  for (const gguf::Tensor& tensor : contents.tensors) {
    if (!tensor.name.ends_with(".lora_a")) continue;
    const std::string name(tensor.name.substr(0, tensor.name.size() - 7));
    const gguf::Tensor* weight = base.find_tensor(name);
    CHECK(weight != nullptr && weight->type.id == static_cast<uint32_t>(gguf::TensorType::f32));
    const size_t length = weight->dimensions[0];
    const size_t rows = weight->dimensions[1];
    const size_t rank = tensor.dimensions[1];
    const std::vector<float> a = read_tensor(adapter, contents, name + ".lora_a");
    const std::vector<float> b = read_tensor(adapter, contents, name + ".lora_b");
    std::vector<float> merged = read_tensor(model, base, name);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < length; ++i) {
        double sum = 0;
        for (size_t r = 0; r < rank; ++r) {
          sum += static_cast<double>(b[row * rank + r]) * static_cast<double>(a[r * length + i]);
        }
        merged[row * length + i] +=
            static_cast<float>(scale * alpha / static_cast<double>(rank) * sum);
      }
    }
    std::memcpy(model.data() + base.data_offset + weight->offset, merged.data(),
                merged.size() * sizeof(float));
  }
  return model;
}

}  // namespace plinth::engine::testing
