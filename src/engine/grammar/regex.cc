// SPDX-License-Identifier: Apache-2.0
// Patterns of ECMAScript with the flag u, without what no automaton can do (back references) and
// what this one does not (looking around, word boundaries). Greedy or lazy makes no difference to
// what a pattern matches as a whole.
#include <charconv>

#include "base/json.h"
#include "base/text.h"
#include "engine/grammar/character_classes.h"
#include "engine/grammar/front_ends.h"

namespace plinth::engine::grammar {
namespace {

// Characters of the texts a part of the pattern matches.
struct Lengths {
  uint64_t least = 0;
  uint64_t most = 0;
};
constexpr uint64_t kEndless = kUnbounded;

struct Part {
  ExpressionId expression = 0;
  Lengths lengths;
};

class PatternReader {
 public:
  PatternReader(Grammar& grammar, std::string_view text, const PatternOptions& options)
      : grammar_(grammar), text_(text), options_(options) {}
  Result<ExpressionId> read();

 private:
  Error error_at(size_t place, const std::string& cause) const;
  Error error(const std::string& cause) const { return error_at(at_, cause); }
  bool is_done() const { return at_ >= text_.size(); }
  bool is_next(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  bool take(std::string_view word);

  Result<Part> read_choice(int depth);
  Result<Part> read_sequence(int depth);
  Result<Part> read_item(int depth);
  Result<Part> read_group(int depth);
  Result<Part> read_quantifiers(Part item);
  Result<std::pair<uint32_t, uint32_t>> read_bounds();
  Result<uint32_t> read_number();
  Result<CharacterSet> read_class();
  Result<CharacterSet> read_class_member(bool& is_single, uint32_t& code);
  Result<CharacterSet> read_escape(bool& is_single, uint32_t& code);
  Result<uint32_t> read_hex(size_t digits_min, size_t digits_max);
  Result<CharacterSet> read_property(bool is_negated);
  Part part_of(const CharacterSet& set) {
    return {add_characters(grammar_, set, options_.writing), {1, 1}};
  }
  Part anything();

  Grammar& grammar_;
  std::string_view text_;
  PatternOptions options_;
  size_t at_ = 0;
};

Error PatternReader::error_at(size_t place, const std::string& cause) const {
  return grammar_error(std::string(options_.name) + " at byte " + std::to_string(place) + ", '" +
                       shorten(text_.substr(place), 24) + "': " + cause);
}

bool PatternReader::take(std::string_view word) {
  if (!is_next(word)) return false;
  at_ += word.size();
  return true;
}

Result<ExpressionId> PatternReader::read() {
  if (text_.size() > kSourceBytesMax) {
    return grammar_error(std::string(options_.name) + " of " + std::to_string(text_.size()) +
                         " bytes; at most " + std::to_string(kSourceBytesMax) + " are taken");
  }
  if (!is_utf8(text_)) return grammar_error(std::string(options_.name) + " is not UTF-8 text");
  const Part whole = TRY(read_choice(0));
  if (!is_done()) return error("a ')' without its '('");
  if (whole.lengths.least < options_.length_min || whole.lengths.most > options_.length_max) {
    return error_at(0,
                    "the pattern also matches texts outside of minLength and maxLength; put the "
                    "bounds into the pattern, as in ^[a-z]{1,8}$");
  }
  return whole.expression;
}

Part PatternReader::anything() {
  const ExpressionId any = add_characters(grammar_, CharacterSet::all(), options_.writing);
  return {grammar_.repeat(any, 0, kUnbounded), {0, kEndless}};
}

Result<Part> PatternReader::read_choice(int depth) {
  if (depth > kNestingMax) {
    return error("groups nested deeper than " + std::to_string(kNestingMax));
  }
  std::vector<ExpressionId> parts;
  Lengths lengths{kEndless, 0};
  do {
    const Part part = TRY(read_sequence(depth));
    parts.push_back(part.expression);
    lengths.least = std::min(lengths.least, part.lengths.least);
    lengths.most = std::max(lengths.most, part.lengths.most);
  } while (take("|"));
  return Part{grammar_.choice(std::move(parts)), lengths};
}

// Anchors stand where they can mean something: at the ends of an alternative of the whole pattern.
Result<Part> PatternReader::read_sequence(int depth) {
  std::vector<ExpressionId> parts;
  Lengths lengths;
  const auto add = [&](const Part& part) {
    parts.push_back(part.expression);
    lengths.least = std::min(lengths.least + part.lengths.least, kEndless);
    lengths.most = std::min(lengths.most + part.lengths.most, kEndless);
  };
  const bool is_outermost = depth == 0;
  const bool is_begin_fixed = is_outermost && take("^");
  bool is_end_fixed = false;
  if (is_outermost && !is_begin_fixed && options_.matching == Matching::anywhere) add(anything());
  while (!is_done() && !is_next("|") && !is_next(")")) {
    if (is_next("$")) {
      is_end_fixed = is_outermost && (at_ + 1 == text_.size() || text_[at_ + 1] == '|');
      if (!is_end_fixed) return error("'$' is taken only at the end of the pattern");
      ++at_;
      break;
    }
    if (is_next("^")) return error("'^' is taken only at the beginning of the pattern");
    const Part item = TRY(read_item(depth));
    add(TRY(read_quantifiers(item)));
    TRY(grammar_.check_size());
  }
  if (is_outermost && !is_end_fixed && options_.matching == Matching::anywhere) add(anything());
  return Part{grammar_.sequence(std::move(parts)), lengths};
}

Result<Part> PatternReader::read_item(int depth) {
  if (is_next("(")) return read_group(depth);
  if (take("[")) return part_of(TRY(read_class()));
  if (take(".")) return part_of(line_end_characters().complement());
  if (is_next("\\")) {
    bool is_single = false;
    uint32_t code = 0;
    return part_of(TRY(read_escape(is_single, code)));
  }
  if (is_next("*") || is_next("+") || is_next("?") || is_next("{")) {
    return error("nothing stands before this to repeat; write \\ before it to mean the character");
  }
  if (is_next("]") || is_next("}")) return error("write \\ before it to mean the character");
  const uint32_t code = next_character(text_, at_);
  return part_of(CharacterSet{{code, code}});
}

Result<Part> PatternReader::read_group(int depth) {
  const size_t begin = at_++;
  if (take("?")) {
    if (take("<") && !is_next("=") && !is_next("!")) {
      while (!is_done() && !is_next(">")) ++at_;
      if (!take(">")) return error_at(begin, "the group's name does not end; add '>'");
    } else if (!take(":")) {
      return error_at(begin, "looking ahead or behind is not taken; write what may stand there");
    }
  }
  const Part group = TRY(read_choice(depth + 1));
  if (!take(")")) return error_at(begin, "the group does not end; add ')'");
  return group;
}

Result<Part> PatternReader::read_quantifiers(Part item) {
  std::pair<uint32_t, uint32_t> bounds;
  if (take("*")) {
    bounds = {0, kUnbounded};
  } else if (take("+")) {
    bounds = {1, kUnbounded};
  } else if (take("?")) {
    bounds = {0, 1};
  } else if (is_next("{")) {
    bounds = TRY(read_bounds());
  } else {
    return item;
  }
  take("?");
  const auto times = [](uint64_t length, uint64_t count) {
    return std::min(length * count, kEndless);
  };
  return Part{grammar_.repeat(item.expression, bounds.first, bounds.second),
              {times(item.lengths.least, bounds.first), times(item.lengths.most, bounds.second)}};
}

Result<std::pair<uint32_t, uint32_t>> PatternReader::read_bounds() {
  const size_t begin = at_++;
  const uint32_t least = TRY(read_number());
  uint32_t most = least;
  if (take(",")) most = is_next("}") ? kUnbounded : TRY(read_number());
  if (!take("}")) return error_at(begin, "expected {n}, {n,} or {n,m}");
  if (most < least) return error_at(begin, "more repetitions at least than at most");
  return std::pair(least, most);
}

Result<uint32_t> PatternReader::read_number() {
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

Result<CharacterSet> PatternReader::read_class() {
  const size_t begin = at_ - 1;
  const bool is_negated = take("^");
  CharacterSet set;
  while (!take("]")) {
    if (is_done()) return error_at(begin, "the character class does not end; add ']'");
    const size_t place = at_;
    bool is_single = false;
    uint32_t first = 0;
    CharacterSet member = TRY(read_class_member(is_single, first));
    if (is_next("-") && !is_next("-]") && at_ + 1 < text_.size()) {
      ++at_;
      bool is_last_single = false;
      uint32_t last = 0;
      TRY(read_class_member(is_last_single, last));
      if (!is_single || !is_last_single || last < first) {
        return error_at(place, "a range goes from one character to one that is not before it");
      }
      member = CharacterSet{{first, last}};
    }
    set = set.united(member);
  }
  return is_negated ? set.complement() : set;
}

Result<CharacterSet> PatternReader::read_class_member(bool& is_single, uint32_t& code) {
  if (is_next("\\")) return read_escape(is_single, code);
  is_single = true;
  code = next_character(text_, at_);
  return CharacterSet{{code, code}};
}

Result<CharacterSet> PatternReader::read_escape(bool& is_single, uint32_t& code) {
  constexpr std::string_view kLetters = "nrtfv0";
  constexpr std::string_view kMeanings("\n\r\t\f\v\0", 6);
  constexpr std::string_view kItself = "^$\\.*+?()[]{}|/-";
  const size_t begin = at_++;
  if (is_done()) return error_at(begin, "a backslash at the end");
  const char letter = text_[at_++];
  if (const std::optional<CharacterSet> known = letter_class(letter)) return *known;
  if (letter == 'p' || letter == 'P') return read_property(letter == 'P');
  is_single = true;
  if (letter == 'x') {
    code = TRY(read_hex(2, 2));
  } else if (letter == 'u') {
    const bool is_braced = take("{");
    code = is_braced ? TRY(read_hex(1, 6)) : TRY(read_hex(4, 4));
    if (is_braced && !take("}")) return error_at(begin, "expected \\u{…}");
    if (code >= 0xd800 && code < 0xdc00 && take("\\u")) {
      const uint32_t low = TRY(read_hex(4, 4));
      if (low < 0xdc00 || low > 0xdfff) return error_at(begin, "half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code > kCodePointMax || (code >= 0xd800 && code < 0xe000)) {
      return error_at(begin, "no character has this number");
    }
  } else if (const size_t found = kLetters.find(letter); found != std::string_view::npos) {
    code = static_cast<unsigned char>(kMeanings[found]);
  } else if (kItself.find(letter) != std::string_view::npos) {
    code = static_cast<unsigned char>(letter);
  } else {
    return error_at(begin,
                    "this escape is not taken: there are classes (\\d \\w \\s \\p{…}), characters "
                    "(\\n \\xHH \\uHHHH …), and no back references or word boundaries");
  }
  return CharacterSet{{code, code}};
}

Result<uint32_t> PatternReader::read_hex(size_t digits_min, size_t digits_max) {
  uint32_t code = 0;
  const std::string_view rest = text_.substr(at_, digits_max);
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), code, 16);
  const auto digits = static_cast<size_t>(end - rest.data());
  if (problem != std::errc() || digits < digits_min) return error("expected hexadecimal digits");
  at_ += digits;
  return code;
}

Result<CharacterSet> PatternReader::read_property(bool is_negated) {
  const size_t begin = at_;
  const size_t end = text_.find('}', at_);
  if (!take("{") || end == std::string_view::npos) return error_at(begin, "expected \\p{Name}");
  std::string_view name = text_.substr(at_, end - at_);
  at_ = end + 1;
  for (const std::string_view prefix : {"General_Category=", "gc="}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  const std::optional<CharacterSet> set = category_class(name);
  if (!set) {
    return error_at(begin,
                    "this property is not known; general categories are, such as L, Lu, Nd, P");
  }
  return is_negated ? set->complement() : *set;
}

}  // namespace

ExpressionId add_characters(Grammar& grammar, const CharacterSet& set, Writing writing) {
  if (writing == Writing::plain) return grammar.characters(set);
  const CharacterSet escaped{{0, 0x1f}, {'"', '"'}, {'\\', '\\'}};
  std::vector<ExpressionId> parts;
  const CharacterSet raw = set.intersected(escaped.complement());
  if (!raw.is_empty()) parts.push_back(grammar.characters(raw));
  const CharacterSet quoted_ones = set.intersected(escaped);
  for (const CharacterRange& range : quoted_ones.ranges()) {
    for (uint32_t code = range.first; code <= range.last; ++code) {
      std::string quoted;
      json_escape_to(quoted, std::string(1, static_cast<char>(code)));
      parts.push_back(grammar.bytes(quoted.substr(1, quoted.size() - 2)));
    }
  }
  return grammar.choice(std::move(parts));
}

Result<ExpressionId> add_pattern(Grammar& grammar, std::string_view pattern,
                                 const PatternOptions& options) {
  return PatternReader(grammar, pattern, options).read();
}

Result<Grammar> read_regex(std::string_view pattern) {
  Grammar grammar;
  const RuleId root = grammar.add_rule("the pattern");
  PatternOptions options;
  options.name = "regular expression";
  grammar.set_body(root, TRY(add_pattern(grammar, pattern, options)));
  TRY(grammar.check_size());
  return grammar;
}

}  // namespace plinth::engine::grammar
