// SPDX-License-Identifier: Apache-2.0
// "usage" of chat completions and completions.
#pragma once

#include "protocol/chat.h"

namespace plinth::protocol::openai {

Json encode_usage(const Usage& usage);

}  // namespace plinth::protocol::openai
