// SPDX-License-Identifier: Apache-2.0
// OpenAI's completions: prompts without a chat template, whole or streamed.
#include "protocol/openai_completions.h"

#include "api/endpoint.h"
#include "api/replies.h"

namespace plinth::api::endpoints {

namespace {

namespace openai = protocol::openai;

using Streams = std::vector<std::unique_ptr<serving::ChatStream>>;

Result<openai::CompletionCall> decode_call(const Call& call) {
  return openai::decode_completion(TRY(body_object(call)));
}

// The prompts' texts, where they stand before the replies.
Result<std::vector<std::string>> echoes_of(Call& call, const openai::CompletionCall& completion) {
  std::vector<std::string> echoes;
  if (!completion.is_echo) return echoes;
  for (const protocol::PlainPrompt& prompt : completion.prompts) {
    echoes.push_back(prompt.tokens.empty()
                         ? prompt.text
                         : TRY(call.services.serving.detokenize(
                               call.request, completion.request.model, prompt.tokens)));
  }
  return echoes;
}

Result<Streams> begin(Call& call, const openai::CompletionCall& completion) {
  Streams streams;
  for (const protocol::PlainPrompt& prompt : completion.prompts) {
    protocol::ChatRequest chat = completion.request;
    chat.prompt = prompt;
    Streams of_prompt = TRY(begin_chats(call, chat, completion.choices));
    for (auto& stream : of_prompt) streams.push_back(std::move(stream));
  }
  return streams;
}

}  // namespace

void completions(Call call) {
  auto completion = decode_call(call);
  if (completion.is_error()) return answer(call, completion.error());
  auto echoes = echoes_of(call, *completion);
  if (echoes.is_error()) return answer(call, echoes.error());
  auto streams = begin(call, *completion);
  if (streams.is_error()) return answer(call, streams.error());
  openai::ReplyHead head{"cmpl-" + streams->front()->id(), completion->request.model,
                         call.services.clock.wall().unix_ms / 1000};
  openai::CompletionShape shape{.prompts = completion->prompts.size(),
                                .choices = completion->choices,
                                .echoes = std::move(*echoes),
                                .are_logprobs_wanted = completion->request.logprobs_top.has_value(),
                                .is_usage_wanted = completion->is_usage_wanted};
  send_replies(std::move(call), std::move(*streams),
               {openai::create_completion_encoder(std::move(head), std::move(shape)),
                completion->is_stream});
}

}  // namespace plinth::api::endpoints
