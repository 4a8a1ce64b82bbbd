// SPDX-License-Identifier: Apache-2.0
// Vocabularies made to harm their reader, one row per class: how each is made, and what the refusal
// must name.
#include <gtest/gtest.h>

#include <limits>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

using testing::GgufWriter;

// A vocabulary that reads, but for what `add` puts in.
struct VocabularyRow {
  const char* what;
  void (*add)(GgufWriter& writer);
  const char* named;
};

void add_model(GgufWriter& writer, const std::string& model,
               const std::vector<std::string>& tokens) {
  writer.add_string("tokenizer.ggml.model", model);
  writer.add_strings("tokenizer.ggml.tokens", tokens);
}

void add_llama(GgufWriter& writer) {
  add_model(writer, "llama", {"<unk>", "a", "b"});
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
}

void add_gpt2(GgufWriter& writer, const std::vector<std::string>& merges) {
  std::vector<std::string> tokens;
  unsigned shifted = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_plain = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    const unsigned code = is_plain ? byte : shifted++;
    tokens.push_back(code < 0x80 ? std::string(1, static_cast<char>(code))
                                 : std::string{static_cast<char>(0xc0 | (code >> 6)),
                                               static_cast<char>(0x80 | (code & 0x3f))});
  }
  add_model(writer, "gpt2", tokens);
  writer.add_string("tokenizer.ggml.pre", "gpt-2");
  writer.add_strings("tokenizer.ggml.merges", merges);
}

const VocabularyRow kVocabularies[] = {
    {"no tokens", [](GgufWriter& w) { add_model(w, "llama", {}); }, "tokenizer.ggml.tokens"},
    {"tokens of another type",
     [](GgufWriter& w) {
       w.add_string("tokenizer.ggml.model", "llama");
       w.add_i32s("tokenizer.ggml.tokens", {1, 2});
     },
     "tokenizer.ggml.tokens: expected an array of strings"},
    {"token of 2^16 bytes (CVE-2025-49847)",
     [](GgufWriter& w) { add_model(w, "llama", {"<unk>", std::string(1 << 16, 'a')}); },
     "tokenizer.ggml.tokens: token 1"},
    {"special token of 2,000 bytes",
     [](GgufWriter& w) {
       add_model(w, "llama", {"<unk>", std::string(2000, 'a')});
       w.add_i32s("tokenizer.ggml.token_type", {2, 3});
     },
     "tokenizer.ggml.tokens: token 1"},
    {"fewer scores than tokens",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_floats("tokenizer.ggml.scores", {0});
     },
     "tokenizer.ggml.scores"},
    {"scores of another type",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_strings("tokenizer.ggml.scores", {"1", "2", "3"});
     },
     "tokenizer.ggml.scores: expected an array of f32"},
    {"score that is no number",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_floats("tokenizer.ggml.scores", {0, std::numeric_limits<float>::quiet_NaN(), 0});
     },
     "tokenizer.ggml.scores: score of token 1"},
    {"more types than tokens",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_i32s("tokenizer.ggml.token_type", {2, 1, 1, 1});
     },
     "tokenizer.ggml.token_type"},
    {"types of another type",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_floats("tokenizer.ggml.token_type", {2, 1, 1});
     },
     "tokenizer.ggml.token_type: expected an array of integers"},
    {"type that is not defined",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_i32s("tokenizer.ggml.token_type", {2, 1, -7});
     },
     "tokenizer.ggml.token_type: type -7 of token 2"},
    {"begin token outside the vocabulary",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_u32("tokenizer.ggml.bos_token_id", 3);
     },
     "tokenizer.ggml.bos_token_id: token 3"},
    {"end token far outside",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_u32("tokenizer.ggml.eos_token_id", 0x80000001u);
     },
     "tokenizer.ggml.eos_token_id: token 2147483649"},
    {"end of turn that is a text",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_string("tokenizer.ggml.eot_token_id", "a");
     },
     "tokenizer.ggml.eot_token_id: expected an integer"},
    {"no byte tokens and no unknown token",
     [](GgufWriter& w) { add_model(w, "llama", {"a", "b"}); }, "<0x00>"},
    {"flag that is a number",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_u32("tokenizer.ggml.add_bos_token", 1);
     },
     "tokenizer.ggml.add_bos_token: expected a bool"},
    {"normalisation that is not computed",
     [](GgufWriter& w) {
       add_llama(w);
       w.add_i32s("tokenizer.ggml.precompiled_charsmap", {1, 2, 3});
     },
     "tokenizer.ggml.precompiled_charsmap"},
    {"no model", [](GgufWriter& w) { w.add_strings("tokenizer.ggml.tokens", {"a"}); },
     "tokenizer.ggml.model"},
    {"model that is not known", [](GgufWriter& w) { add_model(w, "t5", {"a"}); }, "\"t5\""},
    {"bytes without tokens",
     [](GgufWriter& w) {
       add_model(w, "gpt2", {"a", "b"});
       w.add_strings("tokenizer.ggml.merges", {});
     },
     "no token for byte"},
    {"pre-tokenizer that is not known",
     [](GgufWriter& w) {
       add_model(w, "gpt2", {"a"});
       w.add_string("tokenizer.ggml.pre", "new-one");
     },
     "tokenizer.ggml.pre: \"new-one\""},
    {"merge of one text", [](GgufWriter& w) { add_gpt2(w, {"ab"}); },
     "tokenizer.ggml.merges: line 0"},
    {"merge of an unknown token", [](GgufWriter& w) { add_gpt2(w, {"a zz"}); },
     "tokenizer.ggml.merges: line 0"},
    {"merge to an unknown token", [](GgufWriter& w) { add_gpt2(w, {"a b"}); },
     "tokenizer.ggml.merges: line 0"},
    {"empty merge", [](GgufWriter& w) { add_gpt2(w, {""}); }, "tokenizer.ggml.merges: line 0"},
    {"WordPiece without an unknown token", [](GgufWriter& w) { add_model(w, "bert", {"a"}); },
     "tokenizer.ggml.unknown_token_id"},
};

TEST(HostileVocabulary, is_refused_with_the_field_named) {
  for (const VocabularyRow& row : kVocabularies) {
    SCOPED_TRACE(row.what);
    GgufWriter writer;
    row.add(writer);
    const std::string bytes = writer.build();
    const auto contents = gguf::parse(bytes);
    ASSERT_TRUE(contents.is_ok()) << contents.error().message;
    const auto tokenizer = Tokenizer::read(*contents);
    ASSERT_TRUE(tokenizer.is_error());
    EXPECT_NE(tokenizer.error().message.find(row.named), std::string::npos)
        << tokenizer.error().message;
  }
}

TEST(HostileVocabulary, with_a_flipped_byte_reads_or_is_refused) {
  testing::TinyModel tiny;
  tiny.layers = 1;
  const std::string whole = testing::tiny_model_bytes(tiny);
  const size_t header_bytes = static_cast<size_t>(gguf::parse(whole)->data_offset);
  for (size_t at = 0; at < header_bytes; at += 5) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    const auto contents = gguf::parse(bytes);
    if (contents.is_error()) continue;
    const auto tokenizer = Tokenizer::read(*contents);
    if (tokenizer.is_ok()) (*tokenizer)->encode("hello <|end|>", true, true);
  }
}

}  // namespace
}  // namespace plinth::engine
