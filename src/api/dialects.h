// SPDX-License-Identifier: Apache-2.0
// Whose words an answer uses where it is no reply: the shape of errors and the header with the
// request's id. Every route names its dialect, so that a client understands each refusal, whichever
// step made it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace plinth::api {

enum class Dialect : uint8_t { openai, anthropic, ollama };

struct DialectRow {
  Dialect dialect;
  std::string_view request_id_header;
  Json (*encode_error)(const Error& error, std::string_view request_id);
};

const DialectRow& dialect_row(Dialect dialect);

}  // namespace plinth::api
