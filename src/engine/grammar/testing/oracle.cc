// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/testing/oracle.h"

#include <map>
#include <set>

#include "base/check.h"

namespace plinth::engine::grammar::testing {
namespace {

using Ends = std::set<size_t>;

class Matcher {
 public:
  Matcher(const Grammar& grammar, std::string_view text) : grammar_(grammar), text_(text) {}

  const Ends& of_rule(RuleId rule, size_t begin) {
    const auto [found, is_new] = known_.try_emplace({rule, begin});
    if (!is_new) return found->second;
    const Ends ends = of(grammar_.rules()[rule].body, begin);
    return known_[{rule, begin}] = ends;
  }

 private:
  Ends of(ExpressionId id, size_t begin) {
    const Expression& expression = grammar_.at(id);
    switch (expression.kind) {
      case Expression::Kind::bytes:
        if (!text_.substr(begin).starts_with(expression.bytes)) return {};
        return {begin + expression.bytes.size()};
      case Expression::Kind::characters:
        return of_character(expression.characters, begin);
      case Expression::Kind::call:
        return of_rule(expression.rule, begin);
      case Expression::Kind::choice: {
        Ends all;
        for (const ExpressionId part : expression.parts) all.merge(of(part, begin));
        return all;
      }
      case Expression::Kind::sequence: {
        Ends at = {begin};
        for (const ExpressionId part : expression.parts) at = after(at, part);
        return at;
      }
      case Expression::Kind::repeat:
        return of_repeat(expression, begin);
      case Expression::Kind::joined:
        return of_joined(expression, 0, begin, false);
    }
    return {};
  }

  Ends after(const Ends& begins, ExpressionId part) {
    Ends all;
    for (const size_t begin : begins) all.merge(of(part, begin));
    return all;
  }

  // One character in its shortest form, decoded by hand.
  Ends of_character(const CharacterSet& set, size_t begin) {
    for (size_t size = 1; size <= 4 && begin + size <= text_.size(); ++size) {
      size_t at = begin;
      const auto lead = static_cast<uint8_t>(text_[begin]);
      const size_t wanted = lead < 0x80   ? 1
                            : lead < 0xc0 ? 0
                            : lead < 0xe0 ? 2
                            : lead < 0xf0 ? 3
                                          : 4;
      if (size != wanted) continue;
      const uint32_t code = next_character(text_, at);
      std::string again;
      append_utf8(again, code);
      if (again == text_.substr(begin, size) && set.contains(code)) return {begin + size};
    }
    return {};
  }

  Ends of_repeat(const Expression& expression, size_t begin) {
    Ends at = {begin};
    for (uint32_t i = 0; i < expression.least; ++i) at = after(at, expression.parts[0]);
    Ends all = at;
    for (uint32_t i = expression.least; i < expression.most && !at.empty(); ++i) {
      Ends fresh;
      for (const size_t end : after(at, expression.parts[0])) {
        if (all.insert(end).second) fresh.insert(end);
      }
      at = fresh;
    }
    return all;
  }

  Ends of_joined(const Expression& expression, size_t item, size_t begin, bool is_begun) {
    if (item == expression.items.size()) return {begin};
    const JoinedItem& next = expression.items[item];
    Ends all;
    if (!next.is_required) all = of_joined(expression, item + 1, begin, is_begun);
    Ends begins = {begin};
    if (is_begun) begins = after(begins, expression.parts[0]);
    for (const size_t end : after(begins, next.expression)) {
      all.merge(of_joined(expression, next.is_repeated ? item : item + 1, end, true));
    }
    return all;
  }

  const Grammar& grammar_;
  std::string_view text_;
  std::map<std::pair<RuleId, size_t>, Ends> known_;
};

constexpr const char* kWords[] = {"name",  "value", "return", "int",   "the",   "if",    "else",
                                  "while", "id",    "count",  "items", "true",  "false", "null",
                                  "hello", "city",  "error",  "for",   "class", "data"};
constexpr const char* kMarks[] = {"\"", "\":", "\",", "\", \"", "{\"",  "\"}", "},",
                                  "}]", "]}",  ": ",  "\": \"", "[]",   "{}",  "[[",
                                  "]]", "}}",  "();", " = ",    "++",   "==",  "->",
                                  "//", "/*",  "*/",  "\\n",    "\\\"", "  ",  "\n"};
constexpr const char* kScripts[] = {"\xc3\xa9", "\xe4\xb8\xad", "\xd0\xb6", "\xf0\x9f\x98\x80",
                                    "\xe2\x82", "\xf0\x9f",     "\x98\x80", "\xa9"};

}  // namespace

bool matches(const Grammar& grammar, std::string_view text) {
  return Matcher(grammar, text).of_rule(0, 0).contains(text.size());
}

std::shared_ptr<const TokenTrie> byte_trie() {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  texts.emplace_back();
  return std::make_shared<TokenTrie>(std::move(texts), std::vector<Token>{256});
}

std::shared_ptr<const TokenTrie> made_up_trie(size_t size, uint64_t seed) {
  SeededRandom random(seed);
  const auto one_of = [&](const auto& list) {
    return std::string(list[random.below(std::size(list))]);
  };
  std::set<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace(1, static_cast<char>(byte));
  while (texts.size() + 1 < size) {
    std::string text = random.below(3) == 0 ? " " : "";
    switch (random.below(8)) {
      case 0:
        text += one_of(kMarks) + (random.below(2) == 0 ? one_of(kWords) : one_of(kMarks));
        break;
      case 1:
        text += one_of(kScripts) + one_of(kScripts);
        break;
      case 2:
        text += std::to_string(random.below(100000));
        break;
      case 3:
        text += one_of(kWords) + one_of(kMarks);
        break;
      default:
        for (uint64_t left = 1 + random.below(8); left > 0; --left) {
          text += static_cast<char>('a' + random.below(26));
        }
    }
    texts.insert(text);
  }
  std::vector<std::string> list(texts.begin(), texts.end());
  for (size_t i = list.size(); i-- > 1;) std::swap(list[i], list[random.below(i + 1)]);
  list.emplace_back();
  const auto end = static_cast<Token>(list.size() - 1);
  return std::make_shared<TokenTrie>(std::move(list), std::vector<Token>{end});
}

bool accepts(CompiledGrammar& grammar, std::string_view text) {
  CompiledGrammar::Place place = grammar.start();
  return grammar.advance(place, text) && grammar.is_end_allowed(place);
}

bool generate(CompiledGrammar& grammar, Random& random, size_t bytes_max, std::string& text) {
  CompiledGrammar::Place place = grammar.start();
  text.clear();
  for (size_t steps = 0; steps < 4 * bytes_max; ++steps) {
    const auto allowed = grammar.allowed(place);
    CHECK(!allowed->is_stuck);
    if (allowed->is_complete) return true;
    const bool is_long = text.size() > bytes_max;
    if (allowed->is_end_allowed && (is_long || random.below(6) == 0)) return true;
    std::vector<Token> tokens;
    allowed->mask.for_each([&](Token token) {
      // What closes is preferred once the text is long.
      const std::string& bytes = grammar.trie().text(token);
      if (bytes.empty()) return;
      const bool is_closing = bytes.find_first_of("\"]}0") != std::string::npos;
      for (int i = 0; i < (is_long && is_closing ? 64 : 1); ++i) tokens.push_back(token);
    });
    const std::string& bytes = grammar.trie().text(tokens[random.below(tokens.size())]);
    CHECK(grammar.advance(place, bytes));
    text += bytes;
  }
  return false;
}

}  // namespace plinth::engine::grammar::testing
