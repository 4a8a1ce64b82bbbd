// SPDX-License-Identifier: Apache-2.0
// Any text through small vocabularies of every kind: it comes back as it was, and what a reply
// streams is valid UTF-8. The first byte picks the vocabulary.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "base/text.h"
#include "engine/gguf/parse.h"
#include "engine/gguf/writer.h"
#include "engine/tokenizer/space_mark.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/utf8_stream.h"

namespace {

using namespace plinth;
using namespace plinth::engine;

struct Model {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string kind;
};

Model read(gguf::HeaderWriter& header, const std::string& kind,
           const std::vector<std::string>& tokens, const std::vector<int32_t>& kinds) {
  header.metadata.add_string("tokenizer.ggml.model", kind);
  header.metadata.add_strings("tokenizer.ggml.tokens", tokens);
  header.metadata.add_i32s("tokenizer.ggml.token_type", kinds);
  const std::string bytes = header.encode();
  const auto contents = MUST(gguf::parse(bytes), "the header was just written");
  return {MUST(Tokenizer::read(contents), "the vocabulary is whole"), kind};
}

Model byte_level(std::string_view pre) {
  std::vector<std::string> tokens;
  unsigned shifted = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_plain = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    const unsigned code = is_plain ? byte : shifted++;
    tokens.push_back(code < 0x80 ? std::string(1, static_cast<char>(code))
                                 : std::string{static_cast<char>(0xc0 | (code >> 6)),
                                               static_cast<char>(0x80 | (code & 0x3f))});
  }
  tokens.insert(tokens.end(), {"aa", "aaaa", std::string("\xc4\xa0") + "a"});
  std::vector<int32_t> kinds(tokens.size(), 1);
  tokens.emplace_back("<|end|>");
  kinds.push_back(3);
  gguf::HeaderWriter header;
  header.metadata.add_string("tokenizer.ggml.pre", pre);
  header.metadata.add_strings("tokenizer.ggml.merges", {"a a", "\xc4\xa0 a", "aa aa"});
  return read(header, "gpt2", tokens, kinds);
}

Model sentence_piece() {
  constexpr std::string_view kHexDigits = "0123456789ABCDEF";
  std::vector<std::string> tokens = {"<unk>", "</s>"};
  std::vector<int32_t> kinds = {2, 3};
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back(std::string("<0x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15] + ">");
    kinds.push_back(6);
  }
  const std::string mark(kSpaceMark);
  for (const std::string& text : {mark, mark + mark, mark + "a", std::string("a"), std::string("b"),
                                  std::string("aa"), std::string("ab"), std::string("\xc3\xa9")}) {
    tokens.push_back(text);
    kinds.push_back(1);
  }
  gguf::HeaderWriter header;
  return read(header, "llama", tokens, kinds);
}

Model word_piece() {
  std::vector<std::string> tokens = {"[UNK]", "[CLS]", "[SEP]"};
  std::vector<int32_t> kinds = {2, 3, 3};
  for (const char* text : {"a", "b", "ab", "!", "\xe6\x88\x91", "1"}) {
    tokens.emplace_back(text);
    tokens.push_back(std::string(kSpaceMark) + text);
    kinds.insert(kinds.end(), {1, 1});
  }
  gguf::HeaderWriter header;
  return read(header, "bert", tokens, kinds);
}

const std::vector<Model>& models() {
  static const std::vector<Model> all = [] {
    std::vector<Model> made;
    for (const char* pre : {"default", "gpt-2", "falcon", "smollm", "llama-bpe", "qwen2", "qwen35",
                            "gpt-4o", "tekken", "deepseek-llm", "deepseek-coder", "deepseek-v3"}) {
      made.push_back(byte_level(pre));
    }
    made.push_back(sentence_piece());
    made.push_back(word_piece());
    return made;
  }();
  return all;
}

void check_stream(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  Utf8Stream stream;
  Utf8Stream whole;
  std::string bytes;
  std::string text;
  for (const Token token : tokens) {
    const std::string piece = tokenizer.piece(token);
    const std::string shown = stream.feed(piece);
    CHECK(is_utf8(shown));
    text += shown;
    bytes += piece;
  }
  text += stream.finish();
  CHECK(is_utf8(text));
  const std::string expected = whole.feed(bytes);
  CHECK(text == expected + whole.finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Model& model = models()[data[0] % models().size()];
  const Tokenizer& tokenizer = *model.tokenizer;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto tokens = tokenizer.encode(text, false, false);
  bool has_unknown = false;
  for (const Token token : tokens) {
    CHECK(tokenizer.vocabulary().contains(token));
    has_unknown |= tokenizer.vocabulary().entry(token).kind == TokenKind::unknown;
  }
  const std::string decoded = tokenizer.decode(tokens);
  if (model.kind == "gpt2") CHECK(decoded == text);
  if (model.kind == "llama") CHECK(decoded == unmark_spaces(text));
  // Words lose their case and accents once, and then stay.
  if (model.kind == "bert" && !has_unknown) {
    CHECK(tokenizer.encode(decoded, false, false) == tokens);
  }
  check_stream(tokenizer, tokens);
  for (const Token token : tokenizer.encode(text, true, true)) {
    CHECK(tokenizer.vocabulary().contains(token));
  }
  return 0;
}
