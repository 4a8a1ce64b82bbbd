// SPDX-License-Identifier: Apache-2.0
// Names of the neutral chat types, as wire formats and logs write them.
#include "protocol/chat.h"

#include "base/check.h"

namespace plinth::protocol {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  CHECK(false);
}

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::tool_calls:
      return "tool_calls";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::error:
      return "error";
  }
  CHECK(false);
}

}  // namespace plinth::protocol
