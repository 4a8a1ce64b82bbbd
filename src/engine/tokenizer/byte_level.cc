// SPDX-License-Identifier: Apache-2.0
// Merges are kept as pairs of token ids, so that encoding compares numbers, not strings.
#include "engine/tokenizer/byte_level.h"

#include <algorithm>
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

uint64_t pair_key(Token left, Token right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
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
  if (!merges) return make_error(ErrorCode::malformed, "tokenizer.ggml.merges: the file has none");
  joins_.reserve(merges->size());
  std::string joined;
  for (size_t rank = 0; rank < merges->size(); ++rank) {
    const std::string_view line = (*merges)[rank];
    const size_t space = line.find(' ', 1);
    const auto left = vocabulary_->find(line.substr(0, space));
    const auto right =
        space == std::string_view::npos ? std::nullopt : vocabulary_->find(line.substr(space + 1));
    if (!left || !right) {
      return make_error(
          ErrorCode::malformed,
          "tokenizer.ggml.merges: line " + std::to_string(rank) + " does not name two tokens",
          std::string(kMerges));
    }
    joined.assign(line.substr(0, space));
    joined += line.substr(space + 1);
    const auto token = vocabulary_->find(joined);
    if (!token) {
      return make_error(ErrorCode::malformed,
                        "tokenizer.ggml.merges: line " + std::to_string(rank) +
                            " joins to a text that is no token",
                        std::string(kMerges));
    }
    joins_.emplace(pair_key(*left, *right), Join{static_cast<uint32_t>(rank), *token});
  }
  return ok();
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
    const auto at = joins_.find(pair_key(left.token, right.token));
    if (at == joins_.end()) return std::nullopt;
    return Merge{static_cast<double>(at->second.rank), at->second.token};
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
