// SPDX-License-Identifier: Apache-2.0
#include "engine/convert/made_up_vocabulary.h"

#include <string>
#include <vector>

#include "base/check.h"

namespace plinth::engine {
namespace {

// Numbers of tokenizer.ggml.token_type.
constexpr int32_t kNormal = 1;
constexpr int32_t kControl = 3;
constexpr int32_t kUnused = 5;

constexpr std::string_view kControls[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
constexpr int64_t kControlCount = 3;

constexpr std::string_view kChatTemplate =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}";

std::string utf8(unsigned code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// The alphabet that byte-level vocabularies spell bytes in: the printable ones of Latin-1 stand for
// themselves, U+0100 to U+0143 for the rest.
std::vector<std::string> byte_letters() {
  std::vector<std::string> letters;
  constexpr unsigned kRanges[][2] = {{0x21, 0x7e}, {0xa1, 0xac}, {0xae, 0xff}, {0x100, 0x143}};
  for (const auto& [first, last] : kRanges) {
    for (unsigned code = first; code <= last; ++code) letters.push_back(utf8(code));
  }
  return letters;
}

}  // namespace

void add_made_up_vocabulary(int64_t tokens, std::string_view pre, gguf::MetadataWriter& out) {
  CHECK(tokens >= kMadeUpTokensMin);
  const auto size = static_cast<size_t>(tokens);
  std::vector<std::string> texts = byte_letters();
  std::vector<std::string> merges;
  const size_t fillers_from = size - static_cast<size_t>(kControlCount);
  for (char left = 'a'; left <= 'z'; ++left) {
    for (char right = 'a'; right <= 'z' && texts.size() < fillers_from; ++right) {
      texts.push_back({left, right});
      merges.push_back({left, ' ', right});
    }
  }
  std::vector<int32_t> kinds(texts.size(), kNormal);
  for (size_t i = 0; texts.size() < fillers_from; ++i) {
    texts.push_back("<|filler_" + std::to_string(i) + "|>");
    kinds.push_back(kUnused);
  }
  for (const std::string_view text : kControls) {
    texts.emplace_back(text);
    kinds.push_back(kControl);
  }
  out.add_string("tokenizer.ggml.model", "gpt2");
  out.add_string("tokenizer.ggml.pre", pre);
  out.add_strings("tokenizer.ggml.tokens", texts);
  out.add_i32s("tokenizer.ggml.token_type", kinds);
  out.add_strings("tokenizer.ggml.merges", merges);
  out.add_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(size - 3));
  out.add_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(size - 1));
  out.add_bool("tokenizer.ggml.add_bos_token", false);
  out.add_string("tokenizer.chat_template", kChatTemplate);
}

}  // namespace plinth::engine
