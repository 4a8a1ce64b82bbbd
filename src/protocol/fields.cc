// SPDX-License-Identifier: Apache-2.0
// The two errors that most decoders of foreign JSON need.
#include "protocol/fields.h"

namespace plinth::protocol {

Error expected(const std::string& path, std::string_view wanted, const Json& got) {
  return field_error(path, "expected " + std::string(wanted) + ", got " +
                               (got.is_null() ? "nothing" : std::string(got.type_name())));
}

Error unsupported_field(const std::string& path, std::string_view cause) {
  return field_error(path, "unsupported: " + std::string(cause));
}

}  // namespace plinth::protocol
