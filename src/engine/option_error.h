// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace plinth::engine {

// An option that cannot be: `cause` gives the value and what is allowed.
inline Error option_error(const std::string& param, const std::string& cause) {
  return make_error(ErrorCode::invalid_argument, param + ": " + cause, param);
}

}  // namespace plinth::engine
