// SPDX-License-Identifier: Apache-2.0
#include "api/dialects.h"

#include <array>

#include "base/check.h"
#include "protocol/anthropic.h"
#include "protocol/ollama.h"
#include "protocol/openai.h"

namespace plinth::api {
namespace {

Json openai_error(const Error& error, std::string_view) {
  return protocol::openai::encode_error(error);
}

Json ollama_error(const Error& error, std::string_view) {
  return protocol::ollama::encode_error(error);
}

constexpr std::array kDialects{
    DialectRow{Dialect::openai, "x-request-id", openai_error},
    DialectRow{Dialect::anthropic, "request-id", protocol::anthropic::encode_error},
    DialectRow{Dialect::ollama, "x-request-id", ollama_error},
};

constexpr bool is_indexed_by_dialect() {
  for (size_t i = 0; i < kDialects.size(); ++i) {
    if (static_cast<size_t>(kDialects[i].dialect) != i) return false;
  }
  return true;
}
static_assert(is_indexed_by_dialect(), "one row per dialect, in the order of the enum");

}  // namespace

const DialectRow& dialect_row(Dialect dialect) {
  const auto index = static_cast<size_t>(dialect);
  CHECK(index < kDialects.size());
  return kDialects[index];
}

}  // namespace plinth::api
