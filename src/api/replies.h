// SPDX-License-Identifier: Apache-2.0
// Chats on their way to the peer, in whatever wire format an encoder writes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/endpoint.h"
#include "protocol/reply_encoder.h"

namespace plinth::api {

// Called once with the replies of a call that ended well, on a worker, before the peer sees the
// end; may block. The encoder is at rest meanwhile. An error fails the call.
using ReplyObserver = std::function<Status(const std::vector<protocol::ChatReply>&)>;

struct ReplyPlan {
  std::unique_ptr<protocol::ReplyEncoder> encoder;
  bool is_stream = false;
  ReplyObserver observer = {};  // may be empty
};

// Labels the call's request by what the conversation holds, and begins `choices` chats of it.
// Errors: of Serving::chat; those begun before are cancelled.
Result<std::vector<std::unique_ptr<serving::ChatStream>>> begin_chats(
    Call& call, const protocol::ChatRequest& chat, size_t choices = 1);

// Tells the caller what its rate has left, as OpenAI does, where there is a limit.
void set_rate_headers(Call& call);

// Answers the call with one choice per stream (at least one), now or later, and cancels what still
// runs when the peer leaves.
void send_replies(Call call, std::vector<std::unique_ptr<serving::ChatStream>> streams,
                  ReplyPlan plan);

// An answer of this body, with the status and the headers that go with the error.
http::ServerResponse error_response(const Error& error, const Json& body);

}  // namespace plinth::api
