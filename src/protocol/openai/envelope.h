// SPDX-License-Identifier: Apache-2.0
// What stands in every request that is answered by replies.
#pragma once

#include <string>

#include "base/json.h"

namespace plinth::protocol::openai {

Status check_object(const Json& body);
Result<std::string> decode_model(const Json& body);

struct StreamOptions {
  bool is_stream = false;
  bool is_usage_wanted = false;  // stream_options.include_usage
};
Result<StreamOptions> decode_stream(const Json& body);

}  // namespace plinth::protocol::openai
