// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. TRY passes an error up, MUST crashes where an error is
// impossible.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace plinth {

struct Ok {};

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)
  // A value that converts to T (a derived unique_ptr, a string literal) makes an ok result.
  template <typename U>
    requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, T> &&
             !std::same_as<std::remove_cvref_t<U>, Error> &&
             !std::same_as<std::remove_cvref_t<U>, Result<T>>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool is_ok() const { return state_.index() == 0; }
  bool is_error() const { return state_.index() == 1; }
  explicit operator bool() const { return is_ok(); }

  T& value() & {
    CHECK(is_ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(is_ok());
    return std::get<0>(state_);
  }
  // Of a temporary the value comes out as a value, so that `for (auto& x : *f())` refers to
  // something.
  T value() && { return std::move(*this).take(); }
  // The value itself, moved out.
  T take() && {
    CHECK(is_ok());
    return std::get<0>(std::move(state_));
  }
  T take() const& { return value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).take(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CHECK(is_error());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CHECK(is_error());
    return std::get<1>(std::move(state_));
  }

  T value_or(T fallback) const { return is_ok() ? std::get<0>(state_) : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

inline Status ok() { return Ok{}; }

inline Error make_error(ErrorCode code, std::string message, std::string param = {}) {
  return Error{code, std::move(message), std::move(param), std::nullopt};
}

}  // namespace plinth

// TRY(expression) yields the value of a Result or returns its Error from the enclosing function.
// The value leaves the statement expression as a value, never as a reference: what it refers to
// would be gone.
#define TRY(...) PLINTH_TRY(PLINTH_JOIN(try_result_, __COUNTER__), __VA_ARGS__)
#define PLINTH_TRY(result, ...)         \
  ({                                    \
    auto&& result = (__VA_ARGS__);      \
    if (result.is_error()) [[unlikely]] \
      return std::move(result).error(); \
    std::move(result).take();           \
  })

// MUST(expression, "why it cannot fail") yields the value or crashes with the reason.
#define MUST(expression, why) PLINTH_MUST(PLINTH_JOIN(must_result_, __COUNTER__), expression, why)
#define PLINTH_MUST(result, expression, why)                                   \
  ({                                                                           \
    auto&& result = (expression);                                              \
    if (result.is_error()) [[unlikely]]                                        \
      ::plinth::check_failed(__FILE__, __LINE__, why, result.error().message); \
    std::move(result).take();                                                  \
  })

#define PLINTH_JOIN(a, b) PLINTH_JOIN_EXPANDED(a, b)
#define PLINTH_JOIN_EXPANDED(a, b) a##b
