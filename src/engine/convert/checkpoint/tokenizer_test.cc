// SPDX-License-Identifier: Apache-2.0
// tokenizer.json of the three kinds, as the tokenizer then reads it.
#include "engine/convert/checkpoint/tokenizer.h"

#include <gtest/gtest.h>

#include "engine/gguf/parse.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine::checkpoint {
namespace {

Json parsed(const std::string& text) {
  auto json = Json::parse(text);
  EXPECT_TRUE(json.is_ok()) << text;
  return json.is_ok() ? *json : Json();
}

// A folder's tokenizer in GGUF form, kept together with the bytes it views.
class Converted {
 public:
  explicit Converted(const Folder& folder, uint64_t tokens = 400) {
    gguf::HeaderWriter header;
    header.metadata.add_string("general.architecture", "llama");
    status_ = add_tokenizer(folder, tokens, header.metadata);
    bytes_ = header.encode();
    contents_ = *gguf::parse(bytes_);
  }
  const Status& status() const { return status_; }
  const gguf::Contents& contents() const { return contents_; }
  std::string text(std::string_view key) const {
    return std::string(contents_.string(key)->value_or("absent"));
  }
  int64_t integer(std::string_view key) const {
    return contents_.integer(key, -1, INT64_MAX)->value_or(-1);
  }
  std::unique_ptr<Tokenizer> tokenizer() const {
    auto read = Tokenizer::read(contents_);
    EXPECT_TRUE(read.is_ok()) << read.error().message;
    return std::move(read).take();
  }

 private:
  Status status_ = ok();
  std::string bytes_;
  gguf::Contents contents_;
};

// All bytes, some merges, two added tokens.
Json byte_level(const std::string& pre) {
  Json vocabulary = Json::object();
  int shifted = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_plain = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    const int code = is_plain ? byte : shifted++;
    const std::string text = code < 0x80 ? std::string(1, static_cast<char>(code))
                                         : std::string{static_cast<char>(0xc0 | (code >> 6)),
                                                       static_cast<char>(0x80 | (code & 0x3f))};
    vocabulary.set(text, byte);
  }
  for (const char* text : {"he", "ll", "hell", "hello"}) {
    vocabulary.set(text, static_cast<int64_t>(vocabulary.size()));
  }
  Json json = parsed(R"({"added_tokens":[{"id":260,"content":"<|begin|>","special":true},
    {"id":261,"content":"<tool_call>","special":false},{"id":262,"content":"<|end|>","special":true}],
    "pre_tokenizer":)" +
                     pre + "}");
  json.set("model", parsed(R"({"type":"BPE","merges":["h e",["l","l"],"he ll",["hell","o"]]})"));
  Json model = json["model"];
  model.set("vocab", std::move(vocabulary));
  json.set("model", std::move(model));
  return json;
}

constexpr const char* kByteLevel =
    R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true})";

std::string split_with(const std::string& pattern) {
  return R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)" +
         Json(pattern).dump() +
         R"(},"behavior":"Isolated","invert":false},{"type":"ByteLevel","use_regex":false}]})";
}

TEST(TokenizerJson, of_bytes_keeps_its_tokens_merges_and_kinds) {
  Folder folder;
  folder.tokenizer = byte_level(kByteLevel);
  folder.tokenizer_config = parsed(
      R"({"bos_token":{"content":"<|begin|>"},"eos_token":"<|end|>","chat_template":"{{ x }}"})");
  const Converted converted(folder);
  ASSERT_TRUE(converted.status().is_ok()) << converted.status().error().message;
  EXPECT_EQ(converted.text("tokenizer.ggml.pre"), "gpt-2");
  EXPECT_EQ(converted.text("tokenizer.chat_template"), "{{ x }}");
  EXPECT_EQ(converted.integer("tokenizer.ggml.bos_token_id"), 260);
  EXPECT_EQ(converted.integer("tokenizer.ggml.eos_token_id"), 262);
  const auto tokenizer = converted.tokenizer();
  EXPECT_EQ(tokenizer->encode("hello", true, true), (std::vector<Token>{259}));
  EXPECT_EQ(tokenizer->encode("<|end|>he", false, true), (std::vector<Token>{262, 256}));
  EXPECT_EQ(tokenizer->encode("<tool_call>", false, false), (std::vector<Token>{261}));
  EXPECT_EQ(tokenizer->vocabulary().entry(261).kind, TokenKind::user_defined);
  EXPECT_EQ(tokenizer->vocabulary().entry(300).kind, TokenKind::unused);
  EXPECT_TRUE(tokenizer->vocabulary().is_end(262));
}

TEST(TokenizerJson, adds_the_begin_token_as_said_or_as_the_post_processor_does) {
  Folder folder;
  folder.tokenizer = byte_level(kByteLevel);
  folder.tokenizer_config = parsed(R"({"bos_token":"<|begin|>","add_bos_token":true})");
  EXPECT_EQ(Converted(folder).tokenizer()->encode("he", true, false).front(), 260);
  folder.tokenizer_config = parsed(R"({"bos_token":"<|begin|>"})");
  EXPECT_EQ(Converted(folder).tokenizer()->encode("he", true, false).front(), 256);
  folder.tokenizer.set("post_processor", parsed(R"({"type":"Sequence","processors":[
    {"type":"ByteLevel"},{"type":"TemplateProcessing","single":[
    {"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A"}}]}]})"));
  EXPECT_EQ(Converted(folder).tokenizer()->encode("he", true, false).front(), 260);
}

TEST(TokenizerJson, names_every_token_that_ends_a_reply) {
  Folder folder;
  folder.tokenizer = byte_level(kByteLevel);
  folder.generation_config = parsed(R"({"eos_token_id":[262,261,9999]})");
  const Converted converted(folder);
  EXPECT_EQ(converted.integer("tokenizer.ggml.eos_token_id"), 262);
  EXPECT_EQ(converted.integer("tokenizer.ggml.eot_token_id"), 261);
  EXPECT_EQ(converted.integer("tokenizer.ggml.eom_token_id"), -1);
}

TEST(TokenizerJson, takes_the_template_called_default_and_a_file_before_it) {
  Folder folder;
  folder.tokenizer = byte_level(kByteLevel);
  folder.tokenizer_config = parsed(
      R"({"chat_template":[{"name":"rag","template":"r"},{"name":"default","template":"d"}]})");
  EXPECT_EQ(Converted(folder).text("tokenizer.chat_template"), "d");
  folder.chat_template = "file";
  EXPECT_EQ(Converted(folder).text("tokenizer.chat_template"), "file");
}

TEST(TokenizerJson, finds_the_name_of_its_pattern) {
  const std::string ends = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string words = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)";
  Json llama3 = byte_level(split_with(words + R"(\p{N}{1,3})" + ends));
  EXPECT_EQ(*find_pre(llama3), "dbrx");
  Json model = llama3["model"];
  model.set("ignore_merges", true);
  llama3.set("model", model);
  EXPECT_EQ(*find_pre(llama3), "llama-bpe");
  EXPECT_EQ(*find_pre(byte_level(split_with(words + R"(\p{N})" + ends))), "qwen2");
  const auto unknown = find_pre(byte_level(split_with("[a-z]+")));
  ASSERT_TRUE(unknown.is_error());
  EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
  EXPECT_NE(unknown.error().message.find("[a-z]+"), std::string::npos);
  EXPECT_TRUE(find_pre(byte_level(R"({"type":"ByteLevel","add_prefix_space":true})")).is_error());
}

Json sentence_piece() {
  Json vocabulary = Json::object();
  for (const char* text : {"<unk>", "<s>", "</s>"}) {
    vocabulary.set(text, static_cast<int64_t>(vocabulary.size()));
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char* digits = "0123456789ABCDEF";
    vocabulary.set(std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">", 3 + byte);
  }
  for (const char* text : {"\xe2\x96\x81"
                           "a",
                           "ab",
                           "\xe2\x96\x81"
                           "ab",
                           "\xe2\x96\x81", "a", "b"}) {
    vocabulary.set(text, static_cast<int64_t>(vocabulary.size()));
  }
  Json json = parsed(R"({"added_tokens":[{"id":0,"content":"<unk>","special":true},
    {"id":1,"content":"<s>","special":true},{"id":2,"content":"</s>","special":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
    {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},"pre_tokenizer":null})");
  Json model = parsed(R"({"type":"BPE","byte_fallback":true,"unk_token":"<unk>",
    "merges":["▁ a","a b","▁a b","▁ ab"]})");
  model.set("vocab", std::move(vocabulary));
  json.set("model", std::move(model));
  return json;
}

TEST(TokenizerJson, of_characters_merges_by_rank_and_falls_back_to_bytes) {
  Folder folder;
  folder.tokenizer = sentence_piece();
  folder.tokenizer_config =
      parsed(R"({"bos_token":"<s>","eos_token":"</s>","add_bos_token":true})");
  const Converted converted(folder, 266);
  ASSERT_TRUE(converted.status().is_ok()) << converted.status().error().message;
  EXPECT_EQ(converted.text("tokenizer.ggml.model"), "llama");
  const auto tokenizer = converted.tokenizer();
  EXPECT_EQ(tokenizer->encode("ab", true, false), (std::vector<Token>{1, 261}));
  EXPECT_EQ(tokenizer->encode("a ba", false, false), (std::vector<Token>{259, 262, 264, 263}));
  EXPECT_EQ(tokenizer->encode("a\n", false, false), (std::vector<Token>{259, 3 + '\n'}));
  EXPECT_EQ(tokenizer->vocabulary().entry(0).kind, TokenKind::unknown);
  EXPECT_EQ(tokenizer->vocabulary().entry(5).kind, TokenKind::byte);
  folder.tokenizer.set("normalizer",
                       parsed(R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})"));
  const Converted plain(folder, 266);
  EXPECT_EQ(plain.tokenizer()->encode("ab", false, false), (std::vector<Token>{260}));
}

TEST(TokenizerJson, of_words_marks_their_beginnings) {
  Folder folder;
  folder.tokenizer = parsed(R"({"added_tokens":[{"id":0,"content":"[UNK]","special":true},
    {"id":1,"content":"[CLS]","special":true},{"id":2,"content":"[SEP]","special":true}],
    "normalizer":{"type":"BertNormalizer","lowercase":true,"strip_accents":null},
    "pre_tokenizer":{"type":"BertPreTokenizer"},
    "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","vocab":
    {"[UNK]":0,"[CLS]":1,"[SEP]":2,"play":3,"##ing":4,"!":5}}})");
  const Converted converted(folder, 6);
  ASSERT_TRUE(converted.status().is_ok()) << converted.status().error().message;
  const auto tokenizer = converted.tokenizer();
  EXPECT_EQ(tokenizer->encode("Playing ! xyz", true, false),
            (std::vector<Token>{1, 3, 4, 5, 0, 2}));
}

TEST(TokenizerJson, is_refused_by_the_name_of_what_is_not_computed) {
  const auto refusal = [](Json tokenizer) {
    Folder folder;
    folder.tokenizer = std::move(tokenizer);
    const Converted converted(folder, 300);
    return converted.status().is_ok() ? "" : converted.status().error().message;
  };
  EXPECT_NE(refusal(parsed(R"({"model":{"type":"Unigram","vocab":{"a":0}}})")).find("\"Unigram\""),
            std::string::npos);
  EXPECT_NE(refusal(parsed(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]}})")), "");
  EXPECT_NE(refusal(parsed(R"({"model":{"vocab":{"a":0,"b":0}}})")).find("same number"),
            std::string::npos);
  EXPECT_NE(refusal(parsed(R"({"model":{"vocab":{"a":-1}}})")), "");
  EXPECT_NE(refusal(parsed(R"({"model":{"vocab":[]}})")), "");
  EXPECT_NE(refusal(Json()).find("tokenizer.json"), std::string::npos);
  Json lower = byte_level(kByteLevel);
  lower.set("normalizer", parsed(R"({"type":"Lowercase"})"));
  EXPECT_NE(refusal(lower).find("Lowercase"), std::string::npos);
  Json merge = sentence_piece();
  Json model = merge["model"];
  model.set("merges", parsed(R"(["x y"])"));
  merge.set("model", model);
  EXPECT_NE(refusal(merge).find("x y"), std::string::npos);
}

}  // namespace
}  // namespace plinth::engine::checkpoint
