// SPDX-License-Identifier: Apache-2.0
// Merges are kept as pairs of token ids, so that encoding compares numbers, not strings.
#include "engine/tokenizer/byte_level.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/text.h"
#include "engine/tokenizer/merge_queue.h"

namespace plinth::engine {
namespace {

// Printable Latin-1 bytes stand for themselves, the others for U+0100 onwards in order.
bool is_plain(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct ByteAlphabet {
  std::array<std::string, 256> letters;
  std::array<int, 0x144> bytes;  // code point -> byte, -1 for none

  ByteAlphabet() {
    bytes.fill(-1);
    unsigned shifted = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const unsigned code = is_plain(byte) ? byte : shifted++;
      bytes[code] = static_cast<int>(byte);
      if (code < 0x80) {
        letters[byte] = static_cast<char>(code);
      } else {
        letters[byte] = {static_cast<char>(0xc0 | (code >> 6)),
                         static_cast<char>(0x80 | (code & 0x3f))};
      }
    }
  }
};

const ByteAlphabet& alphabet() {
  static const ByteAlphabet value;
  return value;
}

Error unknown_pre_tokenizer(std::string_view name) {
  std::vector<std::string> names;
  for (const PreTokenizerRow& row : pre_tokenizer_table()) names.emplace_back(row.name);
  return make_error(ErrorCode::unsupported,
                    "tokenizer.ggml.pre: \"" + shorten(name, 64) +
                        "\" is not known; supported are " + join(names, ", "),
                    "tokenizer.ggml.pre");
}

Error merge_error(size_t line, const std::string& cause) {
  return make_error(ErrorCode::malformed,
                    "tokenizer.ggml.merges: line " + std::to_string(line) + " " + cause,
                    "tokenizer.ggml.merges");
}

}  // namespace

Result<ByteLevelBpe> ByteLevelBpe::read(const gguf::Contents& contents,
                                        const Vocabulary& vocabulary) {
  ByteLevelBpe bpe;
  bpe.vocabulary_ = &vocabulary;
  const auto name = TRY(contents.string("tokenizer.ggml.pre")).value_or("default");
  bpe.pre_tokenizer_ = find_pre_tokenizer(name);
  if (!bpe.pre_tokenizer_) {
    return unknown_pre_tokenizer(name);
  }
  TRY(bpe.read_bytes());
  TRY(bpe.read_merges(contents));
  return bpe;
}

Status ByteLevelBpe::read_bytes() {
  for (size_t byte = 0; byte < 256; ++byte) {
    const std::optional<Token> token = vocabulary_->find(alphabet().letters[byte]);
    if (!token) {
      return make_error(ErrorCode::malformed,
                        "tokenizer.ggml.tokens: no token for byte " + std::to_string(byte) +
                            "; a byte-level vocabulary has all 256",
                        "tokenizer.ggml.tokens");
    }
    byte_tokens_[byte] = *token;
  }
  return ok();
}

Status ByteLevelBpe::read_merges(const gguf::Contents& contents) {
  constexpr std::string_view kMerges = "tokenizer.ggml.merges";
  const auto merges = TRY(contents.strings(kMerges));
  if (!merges) {
    return make_error(ErrorCode::malformed, std::string(kMerges) + ": the file has none",
                      std::string(kMerges));
  }
  std::vector<Token> lefts(merges->size());
  std::vector<Join> joins(merges->size());
  joins_begin_.assign(vocabulary_->size() + 1, 0);
  std::string joined;
  for (size_t line = 0; line < merges->size(); ++line) {
    const std::string_view text = (*merges)[line];
    const size_t space = text.find(' ', 1);
    if (space == std::string_view::npos) return merge_error(line, "does not name two tokens");
    const auto left = vocabulary_->find(text.substr(0, space));
    const auto right = vocabulary_->find(text.substr(space + 1));
    if (!left || !right) return merge_error(line, "does not name two tokens");
    joined.assign(text.substr(0, space));
    joined += text.substr(space + 1);
    const auto token = vocabulary_->find(joined);
    if (!token) return merge_error(line, "joins to a text that is no token");
    lefts[line] = *left;
    joins[line] = {*right, static_cast<uint32_t>(line), *token};
    ++joins_begin_[static_cast<size_t>(*left) + 1];
  }
  std::partial_sum(joins_begin_.begin(), joins_begin_.end(), joins_begin_.begin());
  std::vector<uint32_t> next = joins_begin_;
  joins_.resize(joins.size());
  for (size_t line = 0; line < joins.size(); ++line) {
    joins_[next[static_cast<size_t>(lefts[line])]++] = joins[line];
  }
  for (size_t left = 0; left < vocabulary_->size(); ++left) {
    std::sort(joins_.begin() + joins_begin_[left], joins_.begin() + joins_begin_[left + 1],
              [](const Join& a, const Join& b) {
                return a.right != b.right ? a.right < b.right : a.rank < b.rank;
              });
  }
  return ok();
}

// Of lines that name the same two tokens the first counts: it has the lowest rank.
const ByteLevelBpe::Join* ByteLevelBpe::find_join(Token left, Token right) const {
  const auto begin = joins_.begin() + joins_begin_[static_cast<size_t>(left)];
  const auto end = joins_.begin() + joins_begin_[static_cast<size_t>(left) + 1];
  const auto at = std::lower_bound(
      begin, end, right, [](const Join& join, Token token) { return join.right < token; });
  return at != end && at->right == right ? &*at : nullptr;
}

void ByteLevelBpe::encode(std::string_view text, std::vector<Token>& out) const {
  for (const std::string_view piece : pre_tokenize(pre_tokenizer_->pattern, text)) {
    encode_piece(piece, out);
  }
}

void ByteLevelBpe::encode_piece(std::string_view piece, std::vector<Token>& out) const {
  if (pre_tokenizer_->is_whole_piece_first) {
    std::string spelled;
    for (const char c : piece) spelled += alphabet().letters[static_cast<uint8_t>(c)];
    if (const std::optional<Token> token = vocabulary_->find(spelled)) {
      out.push_back(*token);
      return;
    }
  }
  std::vector<Symbol> symbols;
  symbols.reserve(piece.size());
  for (uint32_t i = 0; i < piece.size(); ++i) {
    symbols.push_back({i, 1, byte_tokens_[static_cast<uint8_t>(piece[i])]});
  }
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const Join* join = find_join(left.token, right.token);
    if (!join) return std::nullopt;
    return Merge{static_cast<double>(join->rank), join->token};
  });
  for (const Symbol& symbol : symbols) out.push_back(symbol.token);
}

std::string ByteLevelBpe::decode(std::string_view token_text) {
  std::string bytes;
  for (size_t at = 0; at < token_text.size();) {
    const auto first = static_cast<uint8_t>(token_text[at]);
    // The alphabet ends below U+0144: one or two bytes a character. Anything else stays as it is.
    if (first >= 0xc2 && first <= 0xc5 && at + 1 < token_text.size()) {
      const unsigned code =
          (first & 0x1fu) << 6 | (static_cast<uint8_t>(token_text[at + 1]) & 0x3fu);
      if (code < alphabet().bytes.size() && alphabet().bytes[code] >= 0) {
        bytes += static_cast<char>(alphabet().bytes[code]);
        at += 2;
        continue;
      }
    }
    bytes += token_text[at++];
  }
  return bytes;
}

}  // namespace plinth::engine
