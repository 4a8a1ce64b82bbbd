// SPDX-License-Identifier: Apache-2.0
// Any text as a grammar of any kind (its first byte picks), and what comes behind a zero byte as
// bytes for its automaton: nothing breaks, errors are invalid_argument, and every text that the
// grammar can be walked to is alive.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "engine/grammar/compiled_grammar.h"

namespace {

using namespace plinth;
using namespace plinth::engine;
using grammar::CompiledGrammar;
using grammar::TokenTrie;

std::shared_ptr<const TokenTrie> small_trie() {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"\"", "\":", "\",\"", "ab", "abc", "}}", "]]", "\xc3\xa9", "12", "(("}) {
    texts.emplace_back(text);
  }
  texts.emplace_back();
  const auto end = static_cast<Token>(texts.size() - 1);
  return std::make_shared<TokenTrie>(std::move(texts), std::vector<Token>{end});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr GrammarText::Kind kKinds[] = {GrammarText::Kind::json_schema, GrammarText::Kind::regex,
                                          GrammarText::Kind::gbnf};
  constexpr size_t kStepsMax = 64;
  static const std::shared_ptr<const TokenTrie> trie = small_trie();
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = input.find('\0');
  const std::string_view text = input.substr(0, cut);
  const std::string_view bytes = cut == std::string_view::npos ? "" : input.substr(cut + 1);
  const auto made = CompiledGrammar::compile({kKinds[data[0] % 3], std::string(text)}, trie);
  if (made.is_error()) {
    CHECK(made.error().code == ErrorCode::invalid_argument && made.error().param == "grammar");
    return 0;
  }
  // The bytes choose among what is allowed.
  CompiledGrammar& compiled = **made;
  auto place = compiled.start();
  for (size_t i = 0; i < std::min(bytes.size(), kStepsMax); ++i) {
    const auto allowed = compiled.allowed(place);
    CHECK(!allowed->is_stuck);  // every byte is a token
    CHECK(allowed->is_end_allowed == compiled.is_end_allowed(place));
    if (allowed->is_complete) break;
    std::vector<Token> tokens;
    allowed->mask.for_each([&](Token token) {
      if (!trie->text(token).empty()) tokens.push_back(token);
    });
    const Token token = tokens[static_cast<uint8_t>(bytes[i]) % tokens.size()];
    if (!compiled.advance(place, trie->text(token))) break;  // too deep, or too ambiguous
  }
  auto other = compiled.start();
  compiled.advance(other, bytes);
  return 0;
}
