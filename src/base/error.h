// SPDX-License-Identifier: Apache-2.0
// The closed set of error codes and the error value every fallible call returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace plinth {

enum class ErrorCode : uint8_t {
  invalid_argument,
  malformed,
  unauthenticated,
  denied,
  approval_required,
  not_found,
  already_exists,
  conflict,
  stale,
  too_large,
  method_not_allowed,
  unsupported_media_type,
  rate_limited,
  overloaded,
  deadline_exceeded,
  cancelled,
  unavailable,
  upstream_failed,
  outcome_unknown,
  corrupt,
  io_failed,
  unsupported,
  budget_exhausted,
  context_length_exceeded,
  sandbox_unavailable,
  internal,
};

enum class Retry : uint8_t { never, later };

// One row of the error table (error.cc): docs/reference/errors.md is generated from it.
struct ErrorRow {
  ErrorCode code;
  std::string_view name;         // machine name, as in JSON bodies: "not_found"
  int http_status;               // status of an HTTP answer that carries it
  Retry retry;                   // may the caller try the same call again?
  std::string_view openai_type;  // `type` in OpenAI's error shape
  std::string_view meaning;      // one sentence for the docs
};

std::span<const ErrorRow> error_table();
const ErrorRow& error_row(ErrorCode code);
std::string_view error_name(ErrorCode code);

// `message` names the cause, the value and the next step; it may be shown to the caller.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string param;                        // the field at fault, when one is
  std::optional<int64_t> retry_after_ms{};  // for rate_limited and overloaded
};

}  // namespace plinth
