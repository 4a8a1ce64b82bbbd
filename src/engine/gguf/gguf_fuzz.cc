// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model file: the header either parses, and then every view lies inside the bytes,
// or is refused. Every entry can be asked for as every type. A vocabulary that reads must encode
// and decode.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "engine/gguf/parse.h"
#include "engine/gguf/split.h"
#include "engine/tokenizer/tokenizer.h"

namespace {

using namespace plinth;
using namespace plinth::engine;

void read_entries(const gguf::Contents& contents) {
  for (const gguf::Entry& entry : contents.entries) {
    const auto strings = contents.strings(entry.key);
    const auto floats = contents.floats(entry.key);
    const auto integers = contents.integers(entry.key);
    const int readings = strings.is_ok() + floats.is_ok() + integers.is_ok() +
                         contents.integer(entry.key, 0, INT64_MAX).is_ok() +
                         contents.number(entry.key).is_ok() + contents.boolean(entry.key).is_ok() +
                         contents.string(entry.key).is_ok();
    // An empty array of any type reads as integers too.
    CHECK(readings <= 2);
  }
}

void use_vocabulary(const Tokenizer& tokenizer) {
  constexpr std::string_view kText =
      "Hello, w\xc3\xb6rld <|end|>\n\n  12345 I'LL \xe6\x88\x91 \xff <s>[SEP]\xe2\x96\x81";
  for (const bool is_special : {false, true}) {
    const auto tokens = tokenizer.encode(kText, is_special, is_special);
    for (const Token token : tokens) CHECK(tokenizer.vocabulary().contains(token));
    tokenizer.decode(tokens);
  }
  const std::string foreign(kText.size(), '\1');
  tokenizer.encode_rendered(kText, foreign, "<|end|>");
  const auto count = static_cast<Token>(tokenizer.vocabulary().size());
  for (Token token = 0; token < count && token < 2000; ++token) tokenizer.piece(token);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto contents = gguf::parse(bytes);
  if (contents.is_error()) {
    CHECK(is_utf8(contents.error().message));
    return 0;
  }
  uint64_t end = contents->data_offset;
  for (const gguf::Tensor& tensor : contents->tensors) {
    CHECK(tensor.offset <= size && tensor.bytes <= size);
    end = std::max(end, contents->data_offset + tensor.offset + tensor.bytes);
  }
  CHECK(contents->tensors.empty() || end <= size);
  read_entries(*contents);
  const auto split = gguf::read_split(*contents);
  if (split.is_ok()) CHECK(split->part < split->count && split->count <= gguf::kPartsMax);
  const auto tokenizer = Tokenizer::read(*contents);
  if (tokenizer.is_ok()) use_vocabulary(**tokenizer);
  return 0;
}
