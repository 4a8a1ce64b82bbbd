// SPDX-License-Identifier: Apache-2.0
// Real vocabularies written as tokenizer.json and converted back cut texts as they did before.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include "engine/convert/checkpoint/tokenizer.h"
#include "engine/gguf/file.h"
#include "engine/gguf/parse.h"
#include "engine/testing/shared_files.h"
#include "engine/tokenizer/space_mark.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine::checkpoint {
namespace {

Json parsed(const std::string& text) {
  auto json = Json::parse(text);
  EXPECT_TRUE(json.is_ok()) << text;
  return json.is_ok() ? *json : Json();
}

Json split_with(const std::string& number) {
  const std::string pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + number +
                              R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return parsed(
      R"({"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","pattern":{"Regex":)" +
      Json(pattern).dump() + R"(}},{"type":"ByteLevel","use_regex":false}]})");
}

class RealVocabulary {
 public:
  explicit RealVocabulary(const gguf::Contents& contents)
      : contents_(contents), vocabulary_(*Vocabulary::read(contents)) {}

  Json tokenizer() const {
    const std::string kind(*contents_.string("tokenizer.ggml.model").value());
    Json json = parsed(kind == "gpt2" ? byte_level() : kind == "llama" ? characters() : words());
    Json::Object model = json["model"].members();
    Json::Object texts;
    Json::Array added;
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      const TokenEntry& entry = vocabulary_.entry(static_cast<Token>(i));
      texts.emplace_back(kind == "bert" ? word_text(entry) : entry.text, static_cast<int64_t>(i));
      if (!is_special(entry.kind)) continue;
      added.push_back(Json::object({{"id", static_cast<int64_t>(i)},
                                    {"content", entry.text},
                                    {"special", entry.kind != TokenKind::user_defined}}));
    }
    model.emplace_back("vocab", Json(std::move(texts)));
    if (kind == "gpt2") model.emplace_back("merges", Json(lines()));
    if (kind == "llama") model.emplace_back("merges", Json(splits()));
    json.set("model", Json(std::move(model)));
    json.set("added_tokens", Json(std::move(added)));
    return json;
  }

 private:
  std::string byte_level() const {
    const std::string pre(contents_.string("tokenizer.ggml.pre").value().value_or("default"));
    Json cut = parsed(R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":true})");
    if (pre == "qwen2") cut = split_with(R"(\p{N})");
    if (pre == "llama-bpe") cut = split_with(R"(\p{N}{1,3})");
    return R"({"model":{"type":"BPE","ignore_merges":)" +
           std::string(pre == "llama-bpe" ? "true" : "false") + R"(},"pre_tokenizer":)" +
           cut.dump() + "}";
  }

  static std::string characters() {
    return R"({"model":{"type":"BPE","byte_fallback":true,"unk_token":"<unk>"},
      "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
      {"type":"Replace","pattern":{"String":" "},"content":"▁"}]}})";
  }

  static std::string words() {
    return R"({"model":{"type":"WordPiece","unk_token":"[UNK]"},
      "normalizer":{"type":"BertNormalizer","lowercase":true},
      "pre_tokenizer":{"type":"BertPreTokenizer"}})";
  }

  static std::string word_text(const TokenEntry& entry) {
    if (is_special(entry.kind)) return entry.text;
    if (entry.text.starts_with(kSpaceMark)) return entry.text.substr(kSpaceMark.size());
    return "##" + entry.text;
  }

  Json::Array lines() const {
    Json::Array lines;
    const auto texts = *contents_.strings("tokenizer.ggml.merges").value();
    for (const std::string_view text : texts) lines.emplace_back(std::string(text));
    return lines;
  }

  // Every way to put a token together from two others, best token first.
  Json::Array splits() const {
    std::vector<Token> order;
    for (size_t i = 0; i < vocabulary_.size(); ++i) {
      if (vocabulary_.entry(static_cast<Token>(i)).kind == TokenKind::normal) {
        order.push_back(static_cast<Token>(i));
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](Token a, Token b) {
      return vocabulary_.entry(a).score > vocabulary_.entry(b).score;
    });
    Json::Array lines;
    for (const Token token : order) {
      const std::string_view text = vocabulary_.entry(token).text;
      for (size_t at = 1; at < text.size(); ++at) {
        const std::string_view left = text.substr(0, at);
        const std::string_view right = text.substr(at);
        if (!vocabulary_.find(left) || !vocabulary_.find(right)) continue;
        lines.emplace_back(Json::array_of({std::string(left), std::string(right)}));
      }
    }
    return lines;
  }

  const gguf::Contents& contents_;
  Vocabulary vocabulary_;
};

void check_conformance(const std::string& name) {
  const std::string path = testing::shared_path("data/tokenizers/ggml-vocab-" + name + ".gguf");
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  const gguf::Contents& contents = (*file)->contents();
  Folder folder;
  folder.tokenizer = RealVocabulary(contents).tokenizer();
  gguf::HeaderWriter header;
  header.metadata.add_string("general.architecture",
                             *contents.string("general.architecture").value());
  const size_t tokens = contents.strings("tokenizer.ggml.tokens").value()->size();
  const Status added = add_tokenizer(folder, tokens, header.metadata);
  ASSERT_TRUE(added.is_ok()) << added.error().message;
  const std::string bytes = header.encode();
  const auto written = gguf::parse(bytes);
  ASSERT_TRUE(written.is_ok()) << written.error().message;
  const auto tokenizer = Tokenizer::read(*written);
  ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;

  const std::string inputs = testing::read_text_file(path + ".inp").value();
  std::istringstream outputs(testing::read_text_file(path + ".out").value());
  constexpr std::string_view kMarker = "\n__ggml_vocab_test__\n";
  size_t checked = 0;
  for (size_t begin = 0, end = 0; (end = inputs.find(kMarker, begin)) != std::string::npos;) {
    const std::string text = inputs.substr(begin, end - begin);
    begin = end + kMarker.size();
    std::string line;
    std::getline(outputs, line);
    std::istringstream numbers(line);
    const std::vector<Token> expected((std::istream_iterator<Token>(numbers)), {});
    EXPECT_EQ((*tokenizer)->encode(text, false, false), expected) << checked << ": " << text;
    ++checked;
  }
  EXPECT_GE(checked, 40u);
}

TEST(RealTokenizerJson, of_gpt_2_cuts_as_before) { check_conformance("gpt-2"); }
TEST(RealTokenizerJson, of_llama_3_cuts_as_before) { check_conformance("llama-bpe"); }
TEST(RealTokenizerJson, of_qwen2_cuts_as_before) { check_conformance("qwen2"); }
TEST(RealTokenizerJson, of_llama_2_cuts_as_before) { check_conformance("llama-spm"); }
TEST(RealTokenizerJson, of_phi_3_cuts_as_before) { check_conformance("phi-3"); }
TEST(RealTokenizerJson, of_bert_cuts_as_before) { check_conformance("bert-bge"); }

}  // namespace
}  // namespace plinth::engine::checkpoint
