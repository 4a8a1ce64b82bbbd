// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model file: the header either parses, and then every view lies inside the bytes,
// or is refused. A vocabulary that reads must encode and decode.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "engine/gguf/parse.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth::engine;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto contents = gguf::parse(bytes);
  if (contents.is_error()) return 0;
  for (const gguf::Tensor& tensor : contents->tensors) {
    CHECK(contents->data_offset + tensor.offset + tensor.bytes <= size);
  }
  const auto tokenizer = Tokenizer::read(*contents);
  if (tokenizer.is_error()) return 0;
  const auto tokens = (*tokenizer)->encode("Hello, w\xc3\xb6rld <|end|>\n", true, true);
  for (const Token token : tokens) CHECK((*tokenizer)->vocabulary().contains(token));
  (*tokenizer)->decode(tokens);
  return 0;
}
