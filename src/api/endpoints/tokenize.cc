// SPDX-License-Identifier: Apache-2.0
// A model's tokenizer: text to tokens and back.
#include "protocol/openai_tokenize.h"

#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

namespace openai = protocol::openai;

Result<Json> tokens_of(Call& call) {
  openai::TokenizeBody body = TRY(openai::decode_tokenize(TRY(body_object(call))));
  const auto tokenized = TRY(call.services.serving.tokenize(
      call.request, {body.chat, body.is_special_added, body.is_special_parsed}));
  return openai::encode_tokenized(body, tokenized.tokens, tokenized.texts,
                                  tokenized.context_tokens);
}

Result<Json> text_of(Call& call) {
  const openai::DetokenizeBody body = TRY(openai::decode_detokenize(TRY(body_object(call))));
  return openai::encode_detokenized(
      TRY(call.services.serving.detokenize(call.request, body.model, body.tokens)));
}

}  // namespace

void tokenize(Call call) { answer(call, tokens_of(call)); }
void detokenize(Call call) { answer(call, text_of(call)); }

}  // namespace plinth::api::endpoints
