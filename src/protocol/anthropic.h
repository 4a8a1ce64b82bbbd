// SPDX-License-Identifier: Apache-2.0
// Anthropic's wire format: decoding what clients of the Messages API send and encoding what they
// expect. Pure. Decoders name the field at fault (Error.param), refuse what would change the reply
// if it were ignored, and ignore fields they do not know.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.h"
#include "protocol/reply_encoder.h"
#include "protocol/stream_decoder.h"

namespace plinth::protocol::anthropic {

struct MessagesCall {
  ChatRequest request;
  bool is_stream = false;
  bool is_one_tool_use = false;  // tool_choice.disable_parallel_tool_use
};

// The body of POST /v1/messages. What the neutral types have no place for:
// - the blocks of a message's text are its paragraphs, one line break apart; thinking blocks are
//   left out, as the API itself leaves them out of later turns;
// - a tool_result is a message of role tool, before the text beside it, named after the tool whose
//   call it answers; one with is_error begins with "error: ";
// - messages of one role in a row are one turn;
// - cache_control has no effect: every prompt's beginning is reused where it can be.
Result<MessagesCall> decode_messages(const Json& body);

// The body of POST /v1/messages/count_tokens: the same without max_tokens. The last message may be
// the assistant's.
Result<ChatRequest> decode_count_tokens(const Json& body);
Json encode_count(int64_t input_tokens);

struct ReplyHead {
  std::string id;  // "msg_…"
  std::string model;
  std::string request_id;        // of errors
  bool is_one_tool_use = false;  // of several calls the reply shows the first
};

// A whole reply or the events of a stream. input_tokens leaves out those read from the cache. The
// prompt's tokens are known at the end: message_start says 0, message_delta all counts. A tool
// call's input is always an object: where the model wrote none, it is {"malformed": TEXT}.
std::unique_ptr<ReplyEncoder> create_message_encoder(ReplyHead head);

// {"type":"error","error":{"type","message"},"request_id"}; null where there is no request's id.
Json encode_error(const Error& error, std::string_view request_id);

// The client side, for upstream replicas. Samplers that the API does not know are left out, and so
// is a seed; the texts of all system messages become `system`. Errors: invalid_argument, of what
// would change the reply if it were left out (a plain prompt, log probabilities, a reply held to
// JSON without a schema).
Result<Json> encode_chat(const ChatRequest& request);
std::unique_ptr<StreamDecoder> create_event_decoder();
Error decode_error(int http_status, std::string_view body);

}  // namespace plinth::protocol::anthropic
