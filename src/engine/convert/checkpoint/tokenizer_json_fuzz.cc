// SPDX-License-Identifier: Apache-2.0
// Any bytes as tokenizer.json: it is refused, or becomes metadata that the tokenizer reads or
// refuses, and text comes back from the tokens it becomes.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "engine/convert/checkpoint/tokenizer.h"
#include "engine/gguf/parse.h"
#include "engine/tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth;
  using namespace plinth::engine;
  constexpr uint64_t kTokens = 512;
  auto parsed = Json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (parsed.is_error()) return 0;
  checkpoint::Folder folder;
  folder.tokenizer = std::move(parsed).take();
  // The files beside it are taken from inside it, so that one input says all.
  folder.tokenizer_config = folder.tokenizer["tokenizer_config"];
  folder.generation_config = folder.tokenizer["generation_config"];
  gguf::HeaderWriter header;
  header.metadata.add_string("general.architecture", "llama");
  if (checkpoint::add_tokenizer(folder, kTokens, header.metadata).is_error()) return 0;
  const std::string bytes = header.encode();
  const auto contents = gguf::parse(bytes);
  if (contents.is_error()) return 0;  // a key or a text past the format's limits
  const auto tokenizer = Tokenizer::read(*contents);
  if (tokenizer.is_error()) return 0;
  CHECK((*tokenizer)->vocabulary().size() == kTokens);
  for (const Token token : (*tokenizer)->encode("Hi w\xc3\xb6rld 12", true, true)) {
    CHECK((*tokenizer)->vocabulary().contains(token));
  }
  return 0;
}
