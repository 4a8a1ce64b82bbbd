// SPDX-License-Identifier: Apache-2.0
// The three kinds of vocabulary, each as GGUF writes it.
#include <limits>

#include "base/text.h"
#include "engine/convert/checkpoint/tokenizer.h"
#include "engine/tokenizer/space_mark.h"

namespace plinth::engine::checkpoint {
namespace {

Error model_error(ErrorCode code, const std::string& key, const std::string& cause) {
  return make_error(code, "tokenizer.json: " + key + ": " + cause, key);
}

// The two texts that a line of model.merges joins, which older files write with a space between.
Result<std::pair<std::string_view, std::string_view>> read_merge(const Json& line) {
  if (line.is_array() && line.size() == 2 && line.items()[0].is_string() &&
      line.items()[1].is_string()) {
    return std::pair<std::string_view, std::string_view>(line.items()[0].as_string(),
                                                         line.items()[1].as_string());
  }
  const std::string_view text = line.as_string();
  const size_t space = text.find(' ', 1);
  if (space != std::string_view::npos) {
    return std::pair(text.substr(0, space), text.substr(space + 1));
  }
  return model_error(ErrorCode::malformed, "model.merges",
                     shorten(line.dump(), 64) + " does not name two tokens");
}

// Whether a part of the tokenizer, or one in its sequence, is of the type.
const Json* find_part(const Json& part, std::string_view type) {
  if (part["type"].as_string() == type) return &part;
  for (const char* list : {"pretokenizers", "normalizers", "decoders", "processors"}) {
    for (const Json& inner : part[list].items()) {
      if (inner["type"].as_string() == type) return &inner;
    }
  }
  return nullptr;
}

void add_lists(const TokenList& tokens, bool has_scores, gguf::MetadataWriter& out) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<int32_t> kinds;
  for (const TokenEntry& entry : tokens.entries()) {
    texts.push_back(entry.text);
    scores.push_back(entry.score);
    kinds.push_back(static_cast<int32_t>(entry.kind));
  }
  out.add_strings("tokenizer.ggml.tokens", texts);
  if (has_scores) out.add_floats("tokenizer.ggml.scores", scores);
  out.add_i32s("tokenizer.ggml.token_type", kinds);
}

// GGUF files do not say how text is normalised before it is cut: what changes it is refused, but
// for NFC, which leaves composed text as it is.
Status check_normalizer(const Json& normalizer) {
  const std::string& type = normalizer["type"].as_string();
  if (normalizer.is_null() || type == "NFC") return ok();
  if (type == "Sequence" && normalizer["normalizers"].size() == 0) return ok();
  return model_error(ErrorCode::unsupported, "normalizer",
                     shorten(normalizer.dump(), 160) + " is not computed for byte-level BPE");
}

Status add_byte_level(const Json& tokenizer, const TokenList& tokens, gguf::MetadataWriter& out) {
  TRY(check_normalizer(tokenizer["normalizer"]));
  out.add_string("tokenizer.ggml.model", "gpt2");
  out.add_string("tokenizer.ggml.pre", TRY(find_pre(tokenizer)));
  std::vector<std::string> merges;
  for (const Json& line : tokenizer["model"]["merges"].items()) {
    const auto [left, right] = TRY(read_merge(line));
    merges.push_back(std::string(left) + " " + std::string(right));
  }
  out.add_strings("tokenizer.ggml.merges", merges);
  add_lists(tokens, false, out);
  return ok();
}

bool is_byte_text(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text[5] == '>';
}

// A merge's line is its rank; the token it makes gets the score that ranks it so.
Status score_merges(const Json& tokenizer, TokenList& tokens) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (TokenEntry& entry : tokens.entries()) entry.score = kNever;
  float rank = 0;
  for (const Json& line : tokenizer["model"]["merges"].items()) {
    const auto [left, right] = TRY(read_merge(line));
    const auto id = tokens.find(std::string(left) + std::string(right));
    if (!id) {
      return model_error(ErrorCode::malformed, "model.merges",
                         shorten(line.dump(), 64) + " makes no token of the vocabulary");
    }
    TokenEntry& entry = tokens.entries()[*id];
    if (entry.score == kNever) entry.score = rank;
    rank -= 1;
  }
  return ok();
}

// Whether a text gets a space in front. Errors: unsupported (a step that is not computed).
Result<bool> is_space_prefixed(const Json& tokenizer) {
  bool is_prefixed = false;
  for (const char* key : {"normalizer", "pre_tokenizer"}) {
    const Json& part = tokenizer[key];
    std::vector<const Json*> steps;
    const Json& inner =
        part[key == std::string_view("normalizer") ? "normalizers" : "pretokenizers"];
    for (const Json& step : inner.items()) steps.push_back(&step);
    if (part.is_object() && !inner.is_array()) steps.push_back(&part);
    for (const Json* step : steps) {
      const std::string& type = (*step)["type"].as_string();
      if (type == "Prepend" && (*step)["prepend"].as_string() == kSpaceMark) {
        is_prefixed = true;
      } else if (type == "Metaspace") {
        const std::string& scheme = (*step)["prepend_scheme"].as_string();
        if (scheme.empty() ? (*step)["add_prefix_space"].as_bool(true) : scheme != "never") {
          is_prefixed = true;
        }
      } else if (type == "Replace" || type == "Split") {
        // Both put the mark for spaces, or cut at spaces, which merges do not cross anyway.
        const Json& pattern = (*step)["pattern"];
        if (pattern["String"].as_string() == " ") continue;
        return model_error(ErrorCode::unsupported, key,
                           shorten(step->dump(), 160) + " is not computed");
      } else {
        return model_error(ErrorCode::unsupported, key,
                           shorten(step->dump(), 160) + " is not computed");
      }
    }
  }
  return is_prefixed;
}

Status add_sentence_piece(const Json& tokenizer, TokenList& tokens, gguf::MetadataWriter& out) {
  TRY(score_merges(tokenizer, tokens));
  const std::string& unknown = tokenizer["model"]["unk_token"].as_string();
  for (TokenEntry& entry : tokens.entries()) {
    if (is_byte_text(entry.text)) entry.kind = TokenKind::byte;
    if (entry.text == unknown && !unknown.empty()) entry.kind = TokenKind::unknown;
  }
  out.add_string("tokenizer.ggml.model", "llama");
  out.add_string("tokenizer.ggml.pre", "default");
  out.add_bool("tokenizer.ggml.add_space_prefix", TRY(is_space_prefixed(tokenizer)));
  add_lists(tokens, true, out);
  return ok();
}

Status add_word_piece(const Json& tokenizer, TokenList& tokens, gguf::MetadataWriter& out) {
  const Json& model = tokenizer["model"];
  const std::string prefix = model.contains("continuing_subword_prefix")
                                 ? model["continuing_subword_prefix"].as_string()
                                 : "##";
  const Json* normalizer = find_part(tokenizer["normalizer"], "BertNormalizer");
  if (!normalizer || prefix.empty() || !find_part(tokenizer["pre_tokenizer"], "BertPreTokenizer")) {
    return model_error(ErrorCode::unsupported, "model.type",
                       "WordPiece is computed with BertNormalizer, BertPreTokenizer and a "
                       "continuing_subword_prefix alone");
  }
  const std::string unknown = model["unk_token"].as_string();
  for (TokenEntry& entry : tokens.entries()) {
    if (entry.text == unknown) entry.kind = TokenKind::unknown;
    if (entry.kind != TokenKind::normal) continue;
    // GGUF marks the tokens that begin a word instead of those that go on.
    if (entry.text.starts_with(prefix)) {
      entry.text.erase(0, prefix.size());
    } else {
      entry.text.insert(0, kSpaceMark);
    }
  }
  const bool is_lower_cased = (*normalizer)["lowercase"].as_bool(true);
  out.add_string("tokenizer.ggml.model", "bert");
  out.add_string("tokenizer.ggml.pre", "default");
  out.add_bool("tokenizer.ggml.normalizer.lowercase", is_lower_cased);
  out.add_bool("tokenizer.ggml.normalizer.strip_accents",
               (*normalizer)["strip_accents"].as_bool(is_lower_cased));
  add_lists(tokens, false, out);
  return ok();
}

}  // namespace

Status add_token_model(const Json& tokenizer, TokenList& tokens, gguf::MetadataWriter& out) {
  const Json& model = tokenizer["model"];
  const std::string& type = model["type"].as_string();
  if (type == "WordPiece") return add_word_piece(tokenizer, tokens, out);
  // The oldest files do not say their type; only BPE has merges.
  if (type == "BPE" || (type.empty() && model["merges"].is_array())) {
    if (find_part(tokenizer["pre_tokenizer"], "ByteLevel")) {
      return add_byte_level(tokenizer, tokens, out);
    }
    if (model["byte_fallback"].as_bool()) return add_sentence_piece(tokenizer, tokens, out);
    return model_error(ErrorCode::unsupported, "model.type",
                       "BPE that works neither on bytes nor falls back to them is not computed");
  }
  return model_error(ErrorCode::unsupported, "model.type",
                     "\"" + shorten(type, 32) + "\" is not known; BPE and WordPiece are");
}

}  // namespace plinth::engine::checkpoint
