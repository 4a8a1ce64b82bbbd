// SPDX-License-Identifier: Apache-2.0
// OpenAI's Responses API: made whole or streamed, kept, read again, removed, gone on from.
#include <algorithm>

#include "api/endpoint.h"
#include "api/replies.h"
#include "base/text.h"
#include "protocol/responses.h"

namespace plinth::api::endpoints {

namespace {

namespace responses = protocol::responses;

constexpr size_t kItemsPageDefault = 20;
constexpr size_t kItemsPageMax = 100;

// A call with the conversation it goes on from.
Result<responses::ResponseCall> decode_call(Call& call, const std::string& id) {
  auto asked = TRY(responses::decode_response_call(TRY(body_object(call))));
  responses::name_items(asked.input, id);
  if (!asked.previous_id.empty()) {
    auto previous = call.services.responses.get(call.request, asked.previous_id);
    if (previous.is_error()) {
      Error error = previous.error();
      error.message = "previous_response_id: " + error.message;
      error.param = "previous_response_id";
      return error;
    }
    auto conversation = previous->conversation();
    conversation.insert(conversation.end(), asked.input.begin(), asked.input.end());
    asked.input = std::move(conversation);
  }
  asked.request.messages = TRY(responses::messages_of(asked.instructions, asked.input));
  if (!asked.is_stored) return asked;
  TRY(StoredResponses::check_input(asked.input));
  TRY(StoredResponses::check_settings(asked.settings));
  return asked;
}

// The encoder lives as long as the replies that the observer is called with.
ReplyObserver keeper(const Call& call, responses::ResponseEncoder& encoder,
                     std::vector<responses::Item> input) {
  return [&stored = call.services.responses, request = call.request, &encoder,
          input = std::move(input)](const std::vector<protocol::ChatReply>& replies) {
    return stored.put(request, encoder.finished(replies.front()), input);
  };
}

Result<Json> items_page(const Call& call) {
  const auto stored = TRY(call.services.responses.get(call.request, call.parameter("response")));
  const size_t limit = TRY(limit_of(call, kItemsPageDefault, kItemsPageMax));
  const auto asked_for = [&](const char* name) {
    const auto found = call.http.query.find(name);
    return found == call.http.query.end() ? std::string() : found->second;
  };
  const std::string order = asked_for("order");
  if (!order.empty() && order != "asc" && order != "desc") {
    return make_error(ErrorCode::invalid_argument,
                      "order: unknown value '" + shorten(order, 32) + "'; use asc or desc",
                      "order");
  }
  std::vector<Json> items;
  for (const auto& item : stored.input) items.push_back(responses::encode_item(item));
  if (order != "asc") std::reverse(items.begin(), items.end());
  if (const std::string after = asked_for("after"); !after.empty()) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const Json& item) {
      return item["id"].as_string() == after;
    });
    if (found == items.end()) {
      return make_error(ErrorCode::not_found,
                        "after: the response has no item '" + shorten(after, 64) + "'", "after");
    }
    items.erase(items.begin(), found + 1);
  }
  const bool has_more = items.size() > limit;
  items.resize(std::min(items.size(), limit));
  return responses::encode_item_list(items, has_more);
}

Result<Json> remove(const Call& call) {
  const std::string& id = call.parameter("response");
  TRY(call.services.responses.remove(call.request, id));
  return responses::encode_removed(id);
}

}  // namespace

void create_response(Call call) {
  const std::string id = call.services.ids.make("resp");
  auto asked = decode_call(call, id);
  if (asked.is_error()) return answer(call, asked.error());
  auto streams = begin_chats(call, asked->request);
  if (streams.is_error()) return answer(call, streams.error());
  auto encoder = std::make_unique<responses::ResponseEncoder>(
      responses::ResponseHead{id, asked->request.model, call.services.clock.wall().unix_ms / 1000,
                              std::move(asked->settings), asked->request.logprobs_top.has_value()});
  ReplyObserver observer;
  if (asked->is_stored) observer = keeper(call, *encoder, std::move(asked->input));
  send_replies(std::move(call), std::move(*streams),
               {std::move(encoder), asked->is_stream, std::move(observer)});
}

void get_response(Call call) {
  auto stored = call.services.responses.get(call.request, call.parameter("response"));
  if (stored.is_error()) return answer(call, stored.error());
  answer(call, stored->response);
}

void remove_response(Call call) { answer(call, remove(call)); }
void response_input_items(Call call) { answer(call, items_page(call)); }

}  // namespace plinth::api::endpoints
