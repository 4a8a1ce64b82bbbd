// SPDX-License-Identifier: Apache-2.0
// The error table: what each code means to an HTTP caller and whether the same call may be tried
// again.
#include "base/error.h"

#include <array>

#include "base/check.h"

namespace plinth {
namespace {

constexpr std::string_view kInvalidRequest = "invalid_request_error";
constexpr std::string_view kServer = "server_error";
constexpr std::string_view kRateLimit = "rate_limit_error";
constexpr std::string_view kPermission = "permission_error";

using enum ErrorCode;

constexpr std::array kErrorTable{
    ErrorRow{invalid_argument, "invalid_argument", 400, Retry::never, kInvalidRequest,
             "A field has a value that is not allowed; `param` names it."},
    ErrorRow{malformed, "malformed", 400, Retry::never, kInvalidRequest,
             "The text does not follow its format; the message names the place."},
    ErrorRow{unauthenticated, "unauthenticated", 401, Retry::never, "authentication_error",
             "No valid credential came with the call."},
    ErrorRow{denied, "denied", 403, Retry::never, kPermission,
             "Policy does not allow this principal to do this."},
    ErrorRow{approval_required, "approval_required", 403, Retry::never, kPermission,
             "A human decision is needed before this may happen."},
    ErrorRow{not_found, "not_found", 404, Retry::never, "not_found_error",
             "The named thing does not exist or is not visible to the caller."},
    ErrorRow{already_exists, "already_exists", 409, Retry::never, kInvalidRequest,
             "A thing with this name exists or is held by another."},
    ErrorRow{conflict, "conflict", 409, Retry::never, kInvalidRequest,
             "The state is not the one the call expected; read it again first."},
    ErrorRow{stale, "stale", 409, Retry::never, kInvalidRequest,
             "The caller acts on an epoch or version that has been replaced."},
    ErrorRow{too_large, "too_large", 413, Retry::never, kInvalidRequest,
             "The input is larger than a named limit."},
    ErrorRow{method_not_allowed, "method_not_allowed", 405, Retry::never, kInvalidRequest,
             "The path exists, but not with this method."},
    ErrorRow{unsupported_media_type, "unsupported_media_type", 415, Retry::never, kInvalidRequest,
             "The body's content type is not one this path reads."},
    ErrorRow{rate_limited, "rate_limited", 429, Retry::later, kRateLimit,
             "The principal used up its quota for now."},
    ErrorRow{overloaded, "overloaded", 429, Retry::later, kRateLimit,
             "A bounded queue is full; the work was refused before it began."},
    ErrorRow{deadline_exceeded, "deadline_exceeded", 504, Retry::later, kServer,
             "The deadline passed before the work was done."},
    ErrorRow{cancelled, "cancelled", 499, Retry::never, kInvalidRequest,
             "The caller or an operator stopped the work."},
    ErrorRow{unavailable, "unavailable", 503, Retry::later, kServer,
             "Nothing that could do the work is ready."},
    ErrorRow{upstream_failed, "upstream_failed", 502, Retry::later, kServer,
             "A remote server answered with an error or not at all."},
    ErrorRow{outcome_unknown, "outcome_unknown", 500, Retry::never, kServer,
             "An effect was begun and it cannot be known whether it happened."},
    ErrorRow{corrupt, "corrupt", 500, Retry::never, kServer,
             "Stored bytes fail their check; nothing was guessed."},
    ErrorRow{io_failed, "io_failed", 500, Retry::never, kServer,
             "The operating system refused a file, socket or process call."},
    ErrorRow{
        unsupported, "unsupported", 400, Retry::never, kInvalidRequest,
        "Well formed, but Plinth does not offer this: a file's format, a journal's version, an MCP "
        "method. A field of the OpenAI API that is not offered answers `invalid_argument`."},
    ErrorRow{budget_exhausted, "budget_exhausted", 403, Retry::never, kPermission,
             "The run used up one of its budgets."},
    ErrorRow{context_length_exceeded, "context_length_exceeded", 400, Retry::never, kInvalidRequest,
             "The prompt and the reply do not fit the model's context."},
    ErrorRow{sandbox_unavailable, "sandbox_unavailable", 503, Retry::never, kServer,
             "This node cannot confine the process, so it was not started."},
    ErrorRow{internal, "internal", 500, Retry::never, kServer,
             "A defect of Plinth; the log has the details."},
};

constexpr bool is_indexed_by_code() {
  for (size_t i = 0; i < kErrorTable.size(); ++i) {
    if (static_cast<size_t>(kErrorTable[i].code) != i) return false;
  }
  return kErrorTable.size() == static_cast<size_t>(internal) + 1;
}
static_assert(is_indexed_by_code(), "one row per code, in the order of the enum");

}  // namespace

std::span<const ErrorRow> error_table() { return kErrorTable; }

const ErrorRow& error_row(ErrorCode code) {
  const auto index = static_cast<size_t>(code);
  CHECK(index < kErrorTable.size());
  return kErrorTable[index];
}

std::string_view error_name(ErrorCode code) { return error_row(code).name; }

}  // namespace plinth
