// SPDX-License-Identifier: Apache-2.0
// Any bytes as a LoRA adapter of a small model: it is refused with a message, or each of its
// matrices has the shape that its weight asks for and finite values.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "engine/gguf/parse.h"
#include "engine/gguf/writer.h"
#include "engine/models/lora.h"

namespace {

using namespace plinth;
using namespace plinth::engine;

// The header of a model with a matrix, a vector and experts.
const std::string& base_bytes() {
  static const std::string bytes = [] {
    gguf::HeaderWriter header;
    header.metadata.add_string("general.architecture", "llama");
    header.add_tensor("m.weight", {8, 6}, 0, 8 * 6 * 4);
    header.add_tensor("v.weight", {8}, 0, 8 * 4);
    header.add_tensor("e.weight", {8, 6, 2}, 0, 8 * 6 * 2 * 4);
    return header.encode() + std::string(8 * (6 + 1 + 12) * 4 + 64, '\0');
  }();
  return bytes;
}

void check(const Adapter& adapter) {
  CHECK(!adapter.tensors().empty());
  for (const auto& [name, low] : adapter.tensors()) {
    CHECK(name == "m.weight" && low.length == 8 && low.rows == 6);
    CHECK(low.rank >= 1 && low.rank <= kAdapterRankMax && std::isfinite(low.scale));
    CHECK(low.a.size() == static_cast<size_t>(low.rank * low.length));
    CHECK(low.b.size() == static_cast<size_t>(low.rank * low.rows));
    for (const float value : low.a) CHECK(std::isfinite(value));
    for (const float value : low.b) CHECK(std::isfinite(value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gguf::Contents base = MUST(gguf::parse(base_bytes()), "it is written above");
  // Aligned as a mapped file is.
  std::vector<uint64_t> words(size / sizeof(uint64_t) + 1);
  std::memcpy(words.data(), data, size);
  const std::string_view bytes(reinterpret_cast<const char*>(words.data()), size);
  const auto contents = gguf::parse(bytes);
  if (contents.is_error()) return 0;
  const auto adapter = Adapter::read(
      *contents,
      [&](const gguf::Tensor& tensor) {
        return reinterpret_cast<const std::byte*>(bytes.data()) + contents->data_offset +
               tensor.offset;
      },
      base);
  if (adapter.is_error()) {
    CHECK(is_utf8(adapter.error().message));
    return 0;
  }
  check(**adapter);
  return 0;
}
