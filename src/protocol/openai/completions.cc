// SPDX-License-Identifier: Apache-2.0
// Decoding what clients of completions send.
#include "protocol/openai_completions.h"

#include <limits>

#include "base/text.h"
#include "protocol/openai/envelope.h"
#include "protocol/openai/fields.h"
#include "protocol/openai/response_format.h"
#include "protocol/openai/sampling.h"

namespace plinth::protocol::openai {
namespace {

constexpr int64_t kTokenMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kTopLogprobsMax = 20;

Result<PlainPrompt> decode_tokens(const Json& list, const std::string& path) {
  PlainPrompt prompt;
  if (list.size() == 0) return field_error(path, "the list of tokens is empty");
  prompt.tokens.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& token = list.items()[i];
    if (!token.is_integer()) return expected(at_index(path, i), "the number of a token", token);
    if (token.as_int() < 0 || token.as_int() > kTokenMax) {
      return field_error(at_index(path, i),
                         std::to_string(token.as_int()) + " is not the number of a token");
    }
    prompt.tokens.push_back(static_cast<int32_t>(token.as_int()));
  }
  return prompt;
}

Result<PlainPrompt> decode_one_of_many(const Json& item, const std::string& path) {
  if (item.is_array()) return decode_tokens(item, path);
  if (!item.is_string()) return expected(path, "a text or a list of tokens", item);
  PlainPrompt prompt;
  prompt.text = item.as_string();
  return prompt;
}

// A text, a list of texts, the tokens of one prompt, or a list of those.
Result<std::vector<PlainPrompt>> decode_prompts(const Json& body) {
  const Json& given = body["prompt"];
  std::vector<PlainPrompt> prompts;
  if (given.is_string()) {
    prompts.push_back(TRY(decode_one_of_many(given, "prompt")));
    return prompts;
  }
  if (!given.is_array()) return expected("prompt", "a text, tokens, or a list of either", given);
  if (given.size() == 0) return field_error("prompt", "the list is empty");
  if (given.items().front().is_number()) {
    prompts.push_back(TRY(decode_tokens(given, "prompt")));
    return prompts;
  }
  if (given.size() > kCompletionChoicesMax) {
    return field_error("prompt", std::to_string(given.size()) + " prompts; at most " +
                                     std::to_string(kCompletionChoicesMax));
  }
  for (size_t i = 0; i < given.size(); ++i) {
    prompts.push_back(TRY(decode_one_of_many(given.items()[i], at_index("prompt", i))));
  }
  return prompts;
}

bool says_nothing(const Json& value) {
  return value.is_null() || value == Json(false) || value == Json(0) || value == Json("") ||
         (value.is_array() && value.size() == 0);
}

Status refuse_unsupported(const Json& body, int64_t choices) {
  for (const char* key : {"suffix", "prompt_logprobs", "prompt_embeds", "min_tokens",
                          "stop_token_ids", "use_beam_search"}) {
    if (!says_nothing(body[key])) return unsupported_field(key, "leave it out");
  }
  const auto best_of = TRY(json_field::optional_integer(body, "best_of", 1, kCompletionChoicesMax));
  if (best_of && *best_of != choices) {
    return unsupported_field("best_of", "every choice that is made is sent; leave it out");
  }
  return ok();
}

}  // namespace

Result<CompletionCall> decode_completion(const Json& body) {
  TRY(check_object(body));
  CompletionCall call;
  ChatRequest& request = call.request;
  request.model = TRY(decode_model(body));
  call.prompts = TRY(decode_prompts(body));
  TRY(decode_sampling_without_logprobs(body, request));
  if (!request.max_tokens) request.max_tokens = kCompletionTokensDefault;
  request.logprobs_top = TRY(json_field::optional_integer(body, "logprobs", 0, kTopLogprobsMax));
  request.reply_format = TRY(decode_response_format(body));
  request.user = TRY(json_field::optional_string(body, "user")).value_or("");
  const int64_t choices = TRY(json_field::optional_integer(body, "n", 1, kChoicesMax)).value_or(1);
  TRY(refuse_unsupported(body, choices));
  call.choices = static_cast<size_t>(choices);
  if (call.prompts.size() * call.choices > kCompletionChoicesMax) {
    return field_error("n", std::to_string(call.prompts.size()) + " prompts with " +
                                std::to_string(choices) + " choices each; at most " +
                                std::to_string(kCompletionChoicesMax) + " choices in all");
  }
  call.is_echo = TRY(json_field::optional_bool(body, "echo")).value_or(false);
  if (call.is_echo && request.logprobs_top) {
    return unsupported_field("logprobs",
                             "a prompt has no log probabilities here; leave out logprobs or echo");
  }
  const StreamOptions stream = TRY(decode_stream(body));
  call.is_stream = stream.is_stream;
  call.is_usage_wanted = stream.is_usage_wanted;
  return call;
}

}  // namespace plinth::protocol::openai
