// SPDX-License-Identifier: Apache-2.0
// The model call of a step, built from the state alone: the same state always asks the same
// question, and the digest in the journal proves it on replay.
#pragma once

#include <string>

#include "agents/run/state.h"
#include "protocol/chat.h"

namespace plinth::agents {

protocol::ChatRequest chat_request_of(const State& state, const std::string& model);
// SHA-256, in hex, of the request's canonical JSON.
std::string request_digest(const protocol::ChatRequest& request);

}  // namespace plinth::agents
