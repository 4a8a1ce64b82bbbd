// SPDX-License-Identifier: Apache-2.0
// Alternatives of a pattern are tried in their order. Where an expression could give back what it
// took, the comment says why the first try is right, or how far it goes back.
#include "engine/tokenizer/pre_patterns.h"

namespace plinth::engine {
namespace {

constexpr ClassSet without(ClassSet set) { return static_cast<ClassSet>(kAnyClass & ~set); }

// '(?:s|t|re|ve|m|ll|d), or the same in any case.
template <bool is_case_ignored>
size_t contraction(const PieceView& view, size_t at) {
  if (view.code(at) != '\'') return at;
  const auto letter = [&](size_t place) {
    const int32_t code = view.code(place);
    if (!is_case_ignored) return code;
    if (code == 0x17f) return int32_t{'s'};  // long s folds to s
    return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
  };
  const int32_t first = letter(at + 1);
  const int32_t second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if (first == 'r' && second == 'e') return at + 3;
  if (first == 'v' && second == 'e') return at + 3;
  if (first == 'l' && second == 'l') return at + 3;
  return at;
}

//  ?[set]+ , where `set` holds no white space
size_t run_after_space(const PieceView& view, size_t at, ClassSet set) {
  const size_t begin = view.code(at) == ' ' ? at + 1 : at;
  const size_t end = view.run(begin, set);
  return end > begin ? end : at;
}

// [prefix]?[set]+ : when nothing of `set` follows the prefix, it may itself begin the run.
size_t run_after_any(const PieceView& view, size_t at, ClassSet prefix, ClassSet set) {
  if (view.is(at, prefix)) {
    const size_t end = view.run(at + 1, set);
    if (end > at + 1) return end;
  }
  return view.run(at, set);
}

// [set]{1,max}
size_t run_up_to(const PieceView& view, size_t at, ClassSet set, size_t max) {
  size_t end = at;
  while (end - at < max && view.is(end, set)) ++end;
  return end;
}

// \s*[\r\n]+ : up to the last line break of the run of white space.
size_t spaces_to_line_break(const PieceView& view, size_t at) {
  size_t last = at;
  for (size_t place = at; view.is(place, kWhite); ++place) {
    if (view.is(place, kLineBreak)) last = place + 1;
  }
  return last;
}

// \s+(?!\S)|\s+ : a run leaves its last character to what follows, unless it is the only one.
size_t spaces(const PieceView& view, size_t at) {
  const size_t end = view.run(at, kWhite);
  return end < view.end() && end - at > 1 ? end - 1 : end;
}

size_t match_gpt2(const PieceView& view, size_t at) {
  if (const size_t end = contraction<false>(view, at); end > at) return end;
  for (const ClassSet set : {kLetter, kNumber, without(kWhite | kLetter | kNumber)}) {
    if (const size_t end = run_after_space(view, at, set); end > at) return end;
  }
  return spaces(view, at);
}

constexpr ClassSet kBeforeWord = without(kLineBreak | kLetter | kNumber);

// The llama3 family: `letters` make words, numbers come in groups of at most `digits_max`.
template <size_t digits_max, ClassSet letters>
size_t match_llama3(const PieceView& view, size_t at) {
  if (const size_t end = contraction<true>(view, at); end > at) return end;
  if (const size_t end = run_after_any(view, at, kBeforeWord, letters); end > at) return end;
  if (const size_t end = run_up_to(view, at, kNumber, digits_max); end > at) return end;
  constexpr ClassSet kRest = without(kWhite | letters | kNumber);
  if (const size_t end = run_after_space(view, at, kRest); end > at) {
    return view.run(end, kLineBreak);
  }
  if (const size_t end = spaces_to_line_break(view, at); end > at) return end;
  return spaces(view, at);
}

constexpr ClassSet kUpperLike = kUpper | kCaseless | kMark;
constexpr ClassSet kLowerLike = kLower | kCaseless | kMark;

// [upper]*[lower]+ : when no lower one follows, the run of upper ones is given back up to the last
// one that counts as lower too.
size_t word_with_lower_end(const PieceView& view, size_t at) {
  const size_t upper_end = view.run(at, kUpperLike);
  const size_t end = view.run(upper_end, kLowerLike);
  if (end > upper_end) return end;
  size_t last = upper_end;
  while (last > at && !view.is(last - 1, kLowerLike)) --last;
  return last;
}

// [upper]+[lower]*
size_t word_with_upper_begin(const PieceView& view, size_t at) {
  const size_t upper_end = view.run(at, kUpperLike);
  return upper_end > at ? view.run(upper_end, kLowerLike) : at;
}

size_t cased_word(const PieceView& view, size_t at) {
  for (const Matcher word : {word_with_lower_end, word_with_upper_begin}) {
    if (view.is(at, kBeforeWord)) {
      if (const size_t end = word(view, at + 1); end > at + 1) return end;
    }
    if (const size_t end = word(view, at); end > at) return end;
  }
  return at;
}

// The o200k family: words end where lower case is followed by upper case.
template <size_t digits_max, bool has_contractions>
size_t match_cased(const PieceView& view, size_t at) {
  if (const size_t end = cased_word(view, at); end > at) {
    return has_contractions ? contraction<true>(view, end) : end;
  }
  if (const size_t end = run_up_to(view, at, kNumber, digits_max); end > at) return end;
  if (size_t end = run_after_space(view, at, without(kWhite | kLetter | kNumber)); end > at) {
    while (view.is(end, kLineBreak) || view.code(end) == '/') ++end;
    return end;
  }
  if (const size_t end = spaces_to_line_break(view, at); end > at) return end;
  return spaces(view, at);
}

template <ClassSet set, size_t max>
size_t match_up_to(const PieceView& view, size_t at) {
  return run_up_to(view, at, set, max);
}

template <ClassSet set>
size_t match_run(const PieceView& view, size_t at) {
  return view.run(at, set);
}

// \s?[set]+
template <ClassSet set>
size_t match_run_after_white(const PieceView& view, size_t at) {
  return run_after_any(view, at, kWhite, set);
}

// [0-9][0-9][0-9]
size_t match_three_digits(const PieceView& view, size_t at) {
  for (size_t i = at; i < at + 3; ++i) {
    if (view.code(i) < '0' || view.code(i) > '9') return at;
  }
  return at + 3;
}

// [\p{P}$+<=>^~|]+ , and with ` for falcon
template <bool has_backtick>
size_t match_punctuation(const PieceView& view, size_t at) {
  constexpr std::string_view kSymbols = "$+<=>^~|";
  const auto is_inside = [&](size_t place) {
    const int32_t code = view.code(place);
    if (view.is(place, kPunctuation) || (has_backtick && code == '`')) return true;
    return code > 0 && code < 128 && kSymbols.find(static_cast<char>(code)) != kSymbols.npos;
  };
  while (is_inside(at)) ++at;
  return at;
}

struct Range {
  int32_t first;
  int32_t last;
};

bool is_in(int32_t code, std::span<const Range> ranges) {
  for (const Range& range : ranges) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

size_t run_of_ranges(const PieceView& view, size_t at, std::span<const Range> ranges) {
  while (is_in(view.code(at), ranges)) ++at;
  return at;
}

// \s?[letters with case]+ : deepseek-llm lists them one by one and leaves these blocks out.
size_t match_deepseek_letters(const PieceView& view, size_t at) {
  constexpr Range kLeftOut[] = {{0x560, 0x588},     {0x10c7, 0x10ff},   {0x1c80, 0x1c88},
                                {0x2d00, 0x2d2d},   {0xa790, 0xa7fa},   {0xab30, 0xab68},
                                {0x10570, 0x105bc}, {0x16e40, 0x16e7f}, {0x1d400, 0x1d7cb},
                                {0x1df00, 0x1df1e}};
  const size_t begin = view.is(at, kWhite) ? at + 1 : at;
  size_t end = begin;
  while (view.is(end, kUpper | kLower) && !is_in(view.code(end), kLeftOut)) ++end;
  return end > begin ? end : at;
}

// \s?[!-/:-~！-／：-～‘-‟　-。]+ : a full-width space can be the white space or begin the run.
size_t match_deepseek_punctuation(const PieceView& view, size_t at) {
  constexpr Range kInside[] = {{'!', '/'},       {':', '~'},       {0xff01, 0xff0f},
                               {0xff1a, 0xff5e}, {0x2018, 0x201f}, {0x3000, 0x3002}};
  if (view.is(at, kWhite)) {
    const size_t end = run_of_ranges(view, at + 1, kInside);
    if (end > at + 1) return end;
  }
  return run_of_ranges(view, at, kInside);
}

// \s+$ : tried once for each run, where it begins.
size_t match_spaces_at_end(const PieceView& view, size_t at) {
  if (at > view.begin() && view.is(at - 1, kWhite)) return at;
  const size_t end = view.run(at, kWhite);
  return end == view.end() ? end : at;
}

// [一-龥ࠀ-一가-퟿]+
size_t match_deepseek_ideographs(const PieceView& view, size_t at) {
  constexpr Range kInside[] = {{0x800, 0x9fa5}, {0xac00, 0xd7ff}};
  return run_of_ranges(view, at, kInside);
}

// [一-龥぀-ゟ゠-ヿ]+
size_t match_ideographs_and_kana(const PieceView& view, size_t at) {
  constexpr Range kInside[] = {{0x4e00, 0x9fa5}, {0x3040, 0x30ff}};
  return run_of_ranges(view, at, kInside);
}

bool is_ascii_letter(int32_t code) {
  return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

size_t match_deepseek3(const PieceView& view, size_t at) {
  constexpr Range kAsciiPunctuation[] = {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}};
  if (is_in(view.code(at), kAsciiPunctuation) && is_ascii_letter(view.code(at + 1))) {
    size_t end = at + 1;
    while (is_ascii_letter(view.code(end))) ++end;
    return end;
  }
  constexpr ClassSet kPrefix = without(kLineBreak | kLetter | kPunctuation | kSymbol);
  if (const size_t end = run_after_any(view, at, kPrefix, kLetter | kMark); end > at) return end;
  if (const size_t end = run_after_space(view, at, kPunctuation | kSymbol); end > at) {
    return view.run(end, kLineBreak);
  }
  if (const size_t end = spaces_to_line_break(view, at); end > at) return end;
  return spaces(view, at);
}

constexpr Matcher kGpt2[] = {match_gpt2};
constexpr Matcher kStandard[] = {match_punctuation<false>, match_gpt2, match_run<kNumber>,
                                 match_three_digits};
constexpr Matcher kFalcon[] = {match_punctuation<true>, match_gpt2, match_three_digits};
constexpr Matcher kDigitsThenGpt2[] = {match_up_to<kNumber, 1>, match_gpt2};
constexpr Matcher kLlama3[] = {match_llama3<3, kLetter>};
constexpr Matcher kQwen2[] = {match_llama3<1, kLetter>};
constexpr Matcher kQwen35[] = {match_llama3 < 1, kLetter | kMark > };
constexpr Matcher kTekken[] = {match_cased<1, false>};
constexpr Matcher kGpt4o[] = {match_cased<3, true>};
constexpr Matcher kDeepseekLlm[] = {match_up_to<kLineBreak, 1>, match_deepseek_letters,
                                    match_deepseek_punctuation, match_spaces_at_end,
                                    match_deepseek_ideographs,  match_run<kNumber>};
constexpr Matcher kDeepseekCoder[] = {match_up_to<kLineBreak, 1>, match_run_after_white<kLetter>,
                                      match_run_after_white<kPunctuation>,
                                      match_deepseek_ideographs, match_up_to<kNumber, 1>};
constexpr Matcher kDeepseek3[] = {match_up_to<kNumber, 3>, match_ideographs_and_kana,
                                  match_deepseek3};

}  // namespace

std::span<const Matcher> pattern_stages(PrePattern pattern) {
  switch (pattern) {
    case PrePattern::gpt2:
      return kGpt2;
    case PrePattern::standard:
      return kStandard;
    case PrePattern::falcon:
      return kFalcon;
    case PrePattern::digits_then_gpt2:
      return kDigitsThenGpt2;
    case PrePattern::llama3:
      return kLlama3;
    case PrePattern::qwen2:
      return kQwen2;
    case PrePattern::qwen35:
      return kQwen35;
    case PrePattern::tekken:
      return kTekken;
    case PrePattern::gpt4o:
      return kGpt4o;
    case PrePattern::deepseek_llm:
      return kDeepseekLlm;
    case PrePattern::deepseek_coder:
      return kDeepseekCoder;
    case PrePattern::deepseek3:
      return kDeepseek3;
  }
  return kGpt2;
}

}  // namespace plinth::engine
