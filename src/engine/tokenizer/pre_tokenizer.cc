// SPDX-License-Identifier: Apache-2.0
// The table of names, and the cutting stage by stage.
#include "engine/tokenizer/pre_tokenizer.h"

#include "engine/tokenizer/pre_patterns.h"

namespace plinth::engine {
namespace {

constexpr PreTokenizerRow kRows[] = {
    {"default", PrePattern::standard},
    {"gpt-2", PrePattern::gpt2},
    {"phi-2", PrePattern::gpt2},
    {"mpt", PrePattern::gpt2},
    {"olmo", PrePattern::gpt2},
    {"jais", PrePattern::gpt2},
    {"jina-es", PrePattern::gpt2},
    {"jina-de", PrePattern::gpt2},
    {"jina-v1-en", PrePattern::gpt2},
    {"jina-v2-es", PrePattern::gpt2},
    {"jina-v2-de", PrePattern::gpt2},
    {"jina-v2-code", PrePattern::gpt2},
    {"roberta-bpe", PrePattern::gpt2},
    {"modern-bert", PrePattern::gpt2},
    {"gigachat", PrePattern::gpt2},
    {"mellum", PrePattern::gpt2},
    {"exaone4", PrePattern::gpt2},
    {"trillion", PrePattern::gpt2},
    {"granite-docling", PrePattern::gpt2},
    {"a.x-4.0", PrePattern::gpt2},
    {"smollm", PrePattern::digits_then_gpt2},
    {"starcoder", PrePattern::digits_then_gpt2},
    {"refact", PrePattern::digits_then_gpt2},
    {"command-r", PrePattern::digits_then_gpt2},
    {"codeshell", PrePattern::digits_then_gpt2},
    {"exaone", PrePattern::digits_then_gpt2},
    {"minerva-7b", PrePattern::digits_then_gpt2},
    {"falcon", PrePattern::falcon},
    {"llama-bpe", PrePattern::llama3, true, true},
    {"llama-v3", PrePattern::llama3, true, true},
    {"llama3", PrePattern::llama3, true, true},
    {"falcon3", PrePattern::llama3, true, true},
    {"falcon-h1", PrePattern::llama3, true, true},
    {"pixtral", PrePattern::llama3, true, true},
    {"lfm2", PrePattern::llama3, true, true},
    {"dbrx", PrePattern::llama3},
    {"smaug-bpe", PrePattern::llama3},
    {"chatglm-bpe", PrePattern::llama3},
    {"glm4", PrePattern::llama3},
    {"qwen2", PrePattern::qwen2},
    {"deepseek-r1-qwen", PrePattern::qwen2},
    {"stablelm2", PrePattern::qwen2},
    {"megrez", PrePattern::qwen2},
    {"hunyuan", PrePattern::qwen2},
    {"grok-2", PrePattern::qwen2},
    {"qwen35", PrePattern::qwen35},
    {"gpt-4o", PrePattern::gpt4o},
    {"o200k", PrePattern::gpt4o},
    {"llama4", PrePattern::gpt4o},
    {"minimax-m2", PrePattern::gpt4o},
    {"tekken", PrePattern::tekken, true, true},
    {"deepseek-llm", PrePattern::deepseek_llm},
    {"deepseek-coder", PrePattern::deepseek_coder},
    {"deepseek-v3", PrePattern::deepseek3},
    {"hunyuan-dense", PrePattern::deepseek3},
};

using Ends = std::vector<size_t>;  // ends of pieces, as indices of characters

void cut_piece(const PieceView& view, Matcher match, Ends& ends) {
  size_t between = view.begin();
  for (size_t at = view.begin(); at < view.end();) {
    const size_t end = match(view, at);
    if (end == at) {
      ++at;
      continue;
    }
    if (between < at) ends.push_back(at);
    ends.push_back(end);
    between = at = end;
  }
  if (between < view.end()) ends.push_back(view.end());
}

}  // namespace

std::span<const PreTokenizerRow> pre_tokenizer_table() { return kRows; }

const PreTokenizerRow* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizerRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::vector<std::string_view> pre_tokenize(PrePattern pattern, std::string_view text) {
  const std::vector<Character> characters = read_characters(text);
  Ends ends = {characters.size()};
  for (const Matcher match : pattern_stages(pattern)) {
    Ends finer;
    size_t begin = 0;
    for (const size_t end : ends) {
      cut_piece(PieceView(characters, begin, end), match, finer);
      begin = end;
    }
    ends = std::move(finer);
  }
  std::vector<std::string_view> pieces;
  pieces.reserve(ends.size());
  size_t first = 0;
  for (const size_t end : ends) {
    const size_t last = end < characters.size() ? characters[end].begin : text.size();
    pieces.push_back(text.substr(first, last - first));
    first = last;
  }
  return pieces;
}

}  // namespace plinth::engine
