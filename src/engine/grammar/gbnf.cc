// SPDX-License-Identifier: Apache-2.0
// GBNF: `name ::= alternatives`, with literals, character classes, `.`, groups, * + ? {n,m}, and
// comments that begin with #. A rule ends where a line does, outside parentheses and not behind |.
#include <cctype>
#include <charconv>
#include <map>

#include "base/text.h"
#include "engine/grammar/front_ends.h"

namespace plinth::engine::grammar {
namespace {

class GbnfReader {
 public:
  explicit GbnfReader(std::string_view text) : text_(text) {}
  Result<Grammar> read();

 private:
  Error error_at(size_t place, const std::string& cause) const;
  Error error(const std::string& cause) const { return error_at(at_, cause); }
  bool is_done() const { return at_ >= text_.size(); }
  bool is_next(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  void skip_space(bool is_line_end_space);

  Result<std::string> read_name();
  Result<RuleId> rule_of(const std::string& name, size_t place);
  Status read_rule();
  Result<ExpressionId> read_choice(int depth);
  Result<ExpressionId> read_sequence(int depth);
  Result<std::optional<ExpressionId>> read_item(int depth);
  Result<ExpressionId> read_literal();
  Result<ExpressionId> read_class();
  Result<uint32_t> read_character();
  Result<uint32_t> read_escape();
  Result<ExpressionId> read_repeats(ExpressionId item);
  Result<ExpressionId> read_bounds(ExpressionId item);
  Result<uint32_t> read_number();

  std::string_view text_;
  size_t at_ = 0;
  Grammar grammar_;
  struct Named {
    RuleId rule = 0;
    bool is_defined = false;
    size_t first_use = 0;
  };
  std::map<std::string, Named> names_;
};

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

Error GbnfReader::error_at(size_t place, const std::string& cause) const {
  const auto before = text_.substr(0, place);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_begin =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const std::string_view rest = text_.substr(place);
  std::string near = shorten(rest.substr(0, rest.find('\n')), 24);
  return grammar_error("GBNF line " + std::to_string(line) + " column " +
                       std::to_string(place - line_begin + 1) + ", at '" + near + "': " + cause);
}

void GbnfReader::skip_space(bool is_line_end_space) {
  while (!is_done()) {
    const char c = text_[at_];
    if (c == '#') {
      while (!is_done() && text_[at_] != '\n') ++at_;
    } else if (c == ' ' || c == '\t' || (is_line_end_space && (c == '\n' || c == '\r'))) {
      ++at_;
    } else {
      return;
    }
  }
}

Result<Grammar> GbnfReader::read() {
  if (text_.size() > kSourceBytesMax) {
    return grammar_error("GBNF of " + std::to_string(text_.size()) + " bytes; at most " +
                         std::to_string(kSourceBytesMax) + " are taken");
  }
  if (!is_utf8(text_)) return grammar_error("GBNF that is not UTF-8 text");
  names_["root"].rule = grammar_.add_rule("root");
  for (skip_space(true); !is_done(); skip_space(true)) {
    TRY(read_rule());
    TRY(grammar_.check_size());
  }
  if (!names_["root"].is_defined) {
    return grammar_error("GBNF without a rule named root; add 'root ::= …'");
  }
  for (const auto& [name, named] : names_) {
    if (!named.is_defined) {
      return error_at(named.first_use, "rule '" + shorten(name, 64) + "' is used and not defined");
    }
  }
  return std::move(grammar_);
}

Result<std::string> GbnfReader::read_name() {
  const size_t begin = at_;
  while (!is_done() && is_name_character(text_[at_])) ++at_;
  if (at_ == begin) return error("expected the name of a rule");
  return std::string(text_.substr(begin, at_ - begin));
}

Result<RuleId> GbnfReader::rule_of(const std::string& name, size_t place) {
  const auto [found, is_new] = names_.try_emplace(name);
  if (is_new) {
    found->second = {grammar_.add_rule(name), false, place};
    TRY(grammar_.check_size());
  }
  return found->second.rule;
}

Status GbnfReader::read_rule() {
  const size_t place = at_;
  const std::string name = TRY(read_name());
  const RuleId rule = TRY(rule_of(name, place));
  if (names_[name].is_defined) return error_at(place, "rule '" + name + "' is defined twice");
  names_[name].is_defined = true;
  skip_space(false);
  if (!is_next("::=")) return error("expected '::=' behind the rule's name");
  at_ += 3;
  skip_space(true);
  grammar_.set_body(rule, TRY(read_choice(0)));
  skip_space(false);
  if (!is_done() && text_[at_] != '\n' && text_[at_] != '\r') {
    return error("expected the end of the rule");
  }
  return ok();
}

Result<ExpressionId> GbnfReader::read_choice(int depth) {
  if (depth > kNestingMax) {
    return error("groups nested deeper than " + std::to_string(kNestingMax));
  }
  std::vector<ExpressionId> parts = {TRY(read_sequence(depth))};
  while (is_next("|")) {
    ++at_;
    skip_space(true);
    parts.push_back(TRY(read_sequence(depth)));
  }
  return grammar_.choice(std::move(parts));
}

Result<ExpressionId> GbnfReader::read_sequence(int depth) {
  std::vector<ExpressionId> parts;
  while (true) {
    const std::optional<ExpressionId> item = TRY(read_item(depth));
    if (!item) return grammar_.sequence(std::move(parts));
    skip_space(depth > 0);
    parts.push_back(TRY(read_repeats(*item)));
    skip_space(depth > 0);
    TRY(grammar_.check_size());
  }
}

Result<std::optional<ExpressionId>> GbnfReader::read_item(int depth) {
  if (is_done()) return std::optional<ExpressionId>();
  const char c = text_[at_];
  if (c == '"') return std::optional(TRY(read_literal()));
  if (c == '[') return std::optional(TRY(read_class()));
  if (c == '.') {
    ++at_;
    return std::optional(grammar_.characters(CharacterSet::all()));
  }
  if (c == '(') {
    ++at_;
    skip_space(true);
    const ExpressionId group = TRY(read_choice(depth + 1));
    skip_space(true);
    if (!is_next(")")) return error("expected ')'");
    ++at_;
    return std::optional(group);
  }
  if (is_name_character(c)) {
    const size_t place = at_;
    const std::string name = TRY(read_name());
    return std::optional(grammar_.call(TRY(rule_of(name, place))));
  }
  return std::optional<ExpressionId>();
}

Result<ExpressionId> GbnfReader::read_literal() {
  const size_t begin = at_++;
  std::string bytes;
  while (!is_next("\"")) {
    if (is_done()) return error_at(begin, "the literal does not end; add '\"'");
    append_utf8(bytes, TRY(read_character()));
  }
  ++at_;
  return grammar_.bytes(bytes);
}

Result<ExpressionId> GbnfReader::read_class() {
  const size_t begin = at_++;
  const bool is_negated = is_next("^");
  if (is_negated) ++at_;
  std::vector<CharacterRange> ranges;
  while (!is_next("]")) {
    if (is_done()) return error_at(begin, "the character class does not end; add ']'");
    const size_t place = at_;
    const uint32_t first = TRY(read_character());
    uint32_t last = first;
    if (is_next("-") && !is_next("-]")) {
      ++at_;
      if (is_done()) return error_at(begin, "the character class does not end; add ']'");
      last = TRY(read_character());
    }
    if (last < first) return error_at(place, "a range whose end lies before its begin");
    ranges.push_back({first, last});
  }
  ++at_;
  const CharacterSet set(std::move(ranges));
  return grammar_.characters(is_negated ? set.complement() : set);
}

Result<uint32_t> GbnfReader::read_character() {
  if (text_[at_] == '\\') return read_escape();
  return next_character(text_, at_);
}

Result<uint32_t> GbnfReader::read_escape() {
  constexpr std::string_view kLetters = "nrt\\\"[]-^";
  constexpr std::string_view kMeanings = "\n\r\t\\\"[]-^";
  const size_t begin = at_++;
  if (is_done()) return error_at(begin, "a backslash at the end");
  const char letter = text_[at_++];
  if (const size_t found = kLetters.find(letter); found != std::string_view::npos) {
    return static_cast<uint32_t>(kMeanings[found]);
  }
  const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  uint32_t code = 0;
  const std::string_view hex = text_.substr(at_, digits);
  const auto [end, problem] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  if (digits == 0 || hex.size() < digits || problem != std::errc() ||
      end != hex.data() + hex.size() || code > kCodePointMax || (code >= 0xd800 && code < 0xe000)) {
    return error_at(begin,
                    "this escape is not known; there are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ "
                    "\\xHH \\uHHHH \\UHHHHHHHH of characters up to 10FFFF");
  }
  at_ += digits;
  return code;
}

Result<ExpressionId> GbnfReader::read_repeats(ExpressionId item) {
  for (int depth = 0; !is_done(); ++depth) {
    if (depth > kNestingMax) return error("too many repetitions of a repetition");
    if (is_next("*")) {
      item = grammar_.repeat(item, 0, kUnbounded);
    } else if (is_next("+")) {
      item = grammar_.repeat(item, 1, kUnbounded);
    } else if (is_next("?")) {
      item = grammar_.optional(item);
    } else if (is_next("{")) {
      item = TRY(read_bounds(item));
      continue;
    } else {
      return item;
    }
    ++at_;
  }
  return item;
}

Result<ExpressionId> GbnfReader::read_bounds(ExpressionId item) {
  const size_t begin = at_++;
  const uint32_t least = is_next(",") ? 0 : TRY(read_number());
  uint32_t most = least;
  if (is_next(",")) {
    ++at_;
    most = is_next("}") ? kUnbounded : TRY(read_number());
  }
  if (!is_next("}")) return error_at(begin, "expected {n}, {n,}, {,m} or {n,m}");
  ++at_;
  if (most < least) return error_at(begin, "more repetitions at least than at most");
  return grammar_.repeat(item, least, most);
}

Result<uint32_t> GbnfReader::read_number() {
  uint32_t value = 0;
  const std::string_view rest = text_.substr(at_);
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end == rest.data()) return error("expected a number of repetitions");
  if (problem != std::errc() || value > kRepetitionsMax) {
    return error("at most " + std::to_string(kRepetitionsMax) + " repetitions are taken");
  }
  at_ += static_cast<size_t>(end - rest.data());
  return value;
}

}  // namespace

Result<Grammar> read_gbnf(std::string_view text) { return GbnfReader(text).read(); }

}  // namespace plinth::engine::grammar
