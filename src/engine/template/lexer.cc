// SPDX-License-Identifier: Apache-2.0
// White space rules, in Jinja's words: `{%-` and `-%}` strip all white space beside the tag;
// lstrip_blocks strips blanks from the start of a line up to a block or comment tag; trim_blocks
// drops one newline after such a tag. `{%+` switches lstrip_blocks off for one tag.
#include "engine/template/lexer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace plinth::engine::templates {
namespace {

constexpr std::string_view kSpace = " \t\n\r\f\v";

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Lexeme>> run() {
    // A template does not end with the newline of its file.
    if (!source_.empty() && source_.back() == '\n') source_.remove_suffix(1);
    while (at_ < source_.size()) {
      const size_t tag = find_tag();
      add_text(tag);
      at_ = std::min(tag, source_.size());
      if (at_ == source_.size()) break;
      TRY(read_tag());
      if (lexemes_.size() > kLexemesMax) {
        return error("more than " + std::to_string(kLexemesMax) + " parts");
      }
    }
    push(Lexeme::Kind::end, "");
    return std::move(lexemes_);
  }

 private:
  Error error(const std::string& cause) const {
    return make_error(ErrorCode::malformed,
                      "chat template, line " + std::to_string(line_) + ": " + cause);
  }

  void push(Lexeme::Kind kind, std::string text) {
    lexemes_.push_back({kind, std::move(text), line_});
  }

  void advance(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(at_),
                                         source_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  bool has(size_t at, std::string_view text) const {
    return at <= source_.size() && source_.substr(at, text.size()) == text;
  }

  size_t find_tag() const {
    for (size_t at = at_; (at = source_.find('{', at)) != std::string_view::npos; ++at) {
      if (has(at, "{{") || has(at, "{%") || has(at, "{#")) return at;
    }
    return source_.size();
  }

  // The text up to the tag at `tag`, less what the tags on both sides strip.
  void add_text(size_t tag) {
    std::string_view text = source_.substr(at_, tag - at_);
    const size_t begin = at_;
    const int line = line_;
    advance(tag);
    if (is_strip_after_) {
      const size_t first = text.find_first_not_of(kSpace);
      text.remove_prefix(first == std::string_view::npos ? text.size() : first);
    } else if (is_trim_after_ && !text.empty() && text[0] == '\n') {
      text.remove_prefix(1);
    }
    if (tag < source_.size()) text = strip_before_tag(text, begin, tag);
    if (!text.empty()) lexemes_.push_back({Lexeme::Kind::text, std::string(text), line});
  }

  std::string_view strip_before_tag(std::string_view text, size_t begin, size_t tag) const {
    if (has(tag + 2, "-")) {
      const size_t last = text.find_last_not_of(kSpace);
      return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    }
    if (has(tag, "{{") || has(tag + 2, "+")) return text;
    const size_t last = text.find_last_not_of(" \t");
    if (last == std::string_view::npos) {
      // Only blanks: they go if they begin a line, at the start of the source or right after a
      // newline.
      const bool is_line_start = begin == 0 || (is_trim_after_ && source_[begin] == '\n');
      return is_line_start ? std::string_view() : text;
    }
    return text[last] == '\n' ? text.substr(0, last + 1) : text;
  }

  Status read_tag() {
    const char mark = source_[at_ + 1];
    const size_t inner = at_ + 2 + (has(at_ + 2, "-") || has(at_ + 2, "+") ? 1 : 0);
    if (mark == '#') return read_comment();
    const bool is_output = mark == '{';
    push(is_output ? Lexeme::Kind::output_begin : Lexeme::Kind::block_begin, "");
    advance(inner);
    const std::string_view close = is_output ? "}}" : "%}";
    int depth = 0;  // brackets open: "}}" inside a dict literal does not close the tag
    for (;;) {
      const size_t next = source_.find_first_not_of(kSpace, at_);
      if (next == std::string_view::npos) return error("a tag is not closed");
      advance(next);
      const bool is_dash = has(at_, "-") && has(at_ + 1, close);
      const bool is_plus = !is_output && has(at_, "+") && has(at_ + 1, close);
      if (depth == 0 && (is_dash || is_plus || has(at_, close))) {
        push(is_output ? Lexeme::Kind::output_end : Lexeme::Kind::block_end, "");
        finish_tag(at_ + close.size() + (is_dash || is_plus ? 1 : 0), is_dash,
                   !is_output && !is_plus);
        return ok();
      }
      TRY(read_lexeme(depth));
      if (lexemes_.size() > kLexemesMax) return error("too many parts in one tag");
    }
  }

  void finish_tag(size_t end, bool is_strip, bool is_trim) {
    advance(end);
    is_strip_after_ = is_strip;
    is_trim_after_ = is_trim;
  }

  Status read_comment() {
    const size_t end = source_.find("#}", at_ + 2);
    if (end == std::string_view::npos) return error("a comment is not closed");
    finish_tag(end + 2, source_[end - 1] == '-', true);
    return ok();
  }

  Status read_lexeme(int& depth) {
    const char c = source_[at_];
    if (is_name_start(c)) {
      size_t end = at_ + 1;
      while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
      push(Lexeme::Kind::name, std::string(source_.substr(at_, end - at_)));
      advance(end);
      return ok();
    }
    if (is_digit(c)) return read_number();
    if (c == '\'' || c == '"') return read_string(c);
    for (const std::string_view two : {"==", "!=", "<=", ">=", "//", "**"}) {
      if (!has(at_, two)) continue;
      push(Lexeme::Kind::symbol, std::string(two));
      advance(at_ + 2);
      return ok();
    }
    if (std::string_view("+-*/%~<>=()[]{},:.|").find(c) == std::string_view::npos) {
      return error("the character '" + std::string(1, c) + "' is not understood in a tag");
    }
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && depth > 0) --depth;
    push(Lexeme::Kind::symbol, std::string(1, c));
    advance(at_ + 1);
    return ok();
  }

  Status read_number() {
    size_t end = at_;
    while (end < source_.size() && is_digit(source_[end])) ++end;
    const bool is_real =
        end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1]);
    if (is_real) {
      ++end;
      while (end < source_.size() && is_digit(source_[end])) ++end;
    }
    if (end - at_ > 18) return error("a number has more than 18 digits");
    push(is_real ? Lexeme::Kind::real : Lexeme::Kind::integer,
         std::string(source_.substr(at_, end - at_)));
    advance(end);
    return ok();
  }

  // The escape whose letter stands at `at`, as Python's; an unknown one stays as it is written.
  Status read_escape(size_t& at, std::string& text) {
    struct Escape {
      char letter;
      std::string_view meaning;
    };
    constexpr Escape kEscapes[] = {{'n', "\n"}, {'t', "\t"}, {'r', "\r"}, {'b', "\b"},
                                   {'f', "\f"}, {'v', "\v"}, {'a', "\a"}, {'\\', "\\"},
                                   {'"', "\""}, {'\'', "'"}, {'\n', ""}};
    const char letter = source_[at];
    for (const Escape& escape : kEscapes) {
      if (escape.letter != letter) continue;
      text += escape.meaning;
      return ok();
    }
    const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (digits == 0) {
      text += '\\';
      text += letter;
      return ok();
    }
    uint32_t code = 0;
    const char* begin = source_.data() + at + 1;
    const char* end = source_.data() + std::min(at + 1 + digits, source_.size());
    const auto [last, failed] = std::from_chars(begin, end, code, 16);
    std::array<uint8_t, 4> bytes{};
    const bool is_character = failed == std::errc() && last == begin + digits && code < 0x110000 &&
                              utf8proc_codepoint_valid(static_cast<int32_t>(code));
    if (!is_character) return error("an escape in a string names no character");
    const auto length = utf8proc_encode_char(static_cast<int32_t>(code), bytes.data());
    text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length));
    at += digits;
    return ok();
  }

  Status read_string(char quote) {
    std::string text;
    size_t at = at_ + 1;
    for (; at < source_.size() && source_[at] != quote; ++at) {
      if (source_[at] != '\\') {
        text += source_[at];
        continue;
      }
      if (++at >= source_.size()) break;
      TRY(read_escape(at, text));
    }
    if (at >= source_.size()) return error("a string is not closed");
    push(Lexeme::Kind::string, std::move(text));
    advance(at + 1);
    return ok();
  }

  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool is_strip_after_ = false;
  bool is_trim_after_ = false;
  std::vector<Lexeme> lexemes_;
};

}  // namespace

Result<std::vector<Lexeme>> tokenize_template(std::string_view source) {
  if (source.size() > kSourceBytesMax) {
    return make_error(ErrorCode::too_large, "the chat template has " +
                                                std::to_string(source.size()) + " bytes, at most " +
                                                std::to_string(kSourceBytesMax) + " are read");
  }
  return Lexer(source).run();
}

}  // namespace plinth::engine::templates
