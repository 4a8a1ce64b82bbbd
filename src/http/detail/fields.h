// SPDX-License-Identifier: Apache-2.0
// What may stand in a header field (RFC 9110, section 5): used on everything this module writes.
#pragma once

#include <string_view>

namespace plinth::http {

bool is_token(std::string_view name);
// No control characters: a line break in a value would begin another field, or another message.
bool is_field_value(std::string_view value);

}  // namespace plinth::http
