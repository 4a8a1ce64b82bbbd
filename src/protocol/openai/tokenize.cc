// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai_tokenize.h"

#include <limits>

#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/openai/envelope.h"
#include "protocol/openai/messages.h"

namespace plinth::protocol::openai {
namespace {

// What a caller gets in one answer, and what this node holds meanwhile, stays within some MiB.
constexpr size_t kTokenizeBytesMax = 1u << 20;
constexpr size_t kDetokenizeTokensMax = 1u << 18;

Result<std::string> decode_optional_model(const Json& body) {
  if (body["model"].is_null()) return std::string();
  return decode_model(body);
}

Status check_one_of(const Json& body) {
  int given = 0;
  for (const char* key : {"prompt", "messages", "content"}) given += body[key].is_null() ? 0 : 1;
  if (given == 1) return ok();
  return field_error("prompt", given == 0 ? "expected a text, or `messages` or `content` instead"
                                          : "give one of prompt, messages and content");
}

Status decode_text(const Json& body, const char* key, TokenizeBody& decoded) {
  decoded.chat.prompt = PlainPrompt{TRY(json_field::required_string(body, key)), {}};
  if (const size_t bytes = decoded.chat.prompt->text.size(); bytes > kTokenizeBytesMax) {
    return field_error(key, std::to_string(bytes) + " bytes; at most " +
                                std::to_string(kTokenizeBytesMax) + " at once");
  }
  decoded.is_special_parsed = TRY(json_field::optional_bool(body, "parse_special")).value_or(false);
  return ok();
}

// The template alone says how a conversation begins and ends.
Status decode_conversation(const Json& body, TokenizeBody& decoded) {
  decoded.chat.messages = TRY(decode_messages(body));
  decoded.chat.tools = TRY(decode_tools(body));
  if (TRY(json_field::optional_bool(body, "add_special_tokens")).value_or(false)) {
    return unsupported_field("add_special_tokens",
                             "the model's template writes the special tokens of messages");
  }
  if (!TRY(json_field::optional_bool(body, "add_generation_prompt")).value_or(true)) {
    return unsupported_field("add_generation_prompt", "only true");
  }
  if (TRY(json_field::optional_bool(body, "continue_final_message")).value_or(false)) {
    return unsupported_field("continue_final_message", "only false");
  }
  if (!body["chat_template"].is_null()) {
    return unsupported_field("chat_template", "the model's own is used; leave it out");
  }
  return ok();
}

Json encode_piece(int32_t token, const std::string& text) {
  Json piece = text;
  if (!is_utf8(text)) {
    piece = Json::array();
    for (const char byte : text) piece.push(static_cast<int64_t>(static_cast<unsigned char>(byte)));
  }
  return Json::object({{"id", token}, {"piece", std::move(piece)}});
}

}  // namespace

Result<TokenizeBody> decode_tokenize(const Json& body) {
  TRY(check_object(body));
  TRY(check_one_of(body));
  TokenizeBody decoded;
  decoded.chat.model = TRY(decode_optional_model(body));
  decoded.is_content = !body["content"].is_null();
  if (!body["messages"].is_null()) {
    TRY(decode_conversation(body, decoded));
  } else {
    TRY(decode_text(body, decoded.is_content ? "content" : "prompt", decoded));
  }
  const char* special = decoded.is_content ? "add_special" : "add_special_tokens";
  const char* texts = decoded.is_content ? "with_pieces" : "return_token_strs";
  decoded.is_special_added =
      TRY(json_field::optional_bool(body, special)).value_or(!decoded.is_content);
  decoded.are_texts_wanted = TRY(json_field::optional_bool(body, texts)).value_or(false);
  return decoded;
}

Json encode_tokenized(const TokenizeBody& body, const std::vector<int32_t>& tokens,
                      const std::vector<std::string>& texts, int64_t context_tokens) {
  Json::Array ids;
  ids.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool is_piece = body.is_content && body.are_texts_wanted;
    ids.push_back(is_piece ? encode_piece(tokens[i], texts[i]) : Json(tokens[i]));
  }
  if (body.is_content) return Json::object({{"tokens", std::move(ids)}});
  return Json::object({{"count", tokens.size()},
                       {"max_model_len", context_tokens},
                       {"tokens", std::move(ids)},
                       {"token_strs", body.are_texts_wanted ? Json::array_of(texts) : Json()}});
}

Result<DetokenizeBody> decode_detokenize(const Json& body) {
  TRY(check_object(body));
  DetokenizeBody decoded;
  decoded.model = TRY(decode_optional_model(body));
  const Json& tokens = body["tokens"];
  if (!tokens.is_array()) return expected("tokens", "a list of tokens", tokens);
  if (tokens.size() > kDetokenizeTokensMax) {
    return field_error("tokens", std::to_string(tokens.size()) + " of them; at most " +
                                     std::to_string(kDetokenizeTokensMax) + " at once");
  }
  decoded.tokens.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Json& token = tokens.items()[i];
    if (!token.is_integer() || token.as_int() < 0 ||
        token.as_int() > std::numeric_limits<int32_t>::max()) {
      return field_error(at_index("tokens", i), "expected the number of a token");
    }
    decoded.tokens.push_back(static_cast<int32_t>(token.as_int()));
  }
  return decoded;
}

Json encode_detokenized(const std::string& text) {
  return Json::object({{"prompt", text}, {"content", text}});
}

}  // namespace plinth::protocol::openai
