// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace plinth {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return make_error(ErrorCode::invalid_argument, "odd", "number");
  return number / 2;
}

Result<int> quarter(int number) {
  const int first = TRY(half(number));
  return TRY(half(first));
}

Result<std::unique_ptr<int>> boxed(int number) { return std::make_unique<int>(TRY(half(number))); }

TEST(Result, try_yields_the_value_or_passes_the_error_up) {
  EXPECT_EQ(quarter(8).value(), 2);
  const Result<int> failed = quarter(6);
  ASSERT_TRUE(failed.is_error());
  EXPECT_EQ(failed.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(failed.error().param, "number");
}

TEST(Result, holds_values_that_can_only_move) {
  EXPECT_EQ(*boxed(4).value(), 2);
  EXPECT_TRUE(boxed(3).is_error());
}

TEST(Result, value_or_gives_the_fallback_on_error) {
  EXPECT_EQ(half(3).value_or(7), 7);
  EXPECT_EQ(half(4).value_or(7), 2);
}

TEST(ResultDeathTest, value_of_an_error_is_a_failed_check) {
  EXPECT_DEATH({ [[maybe_unused]] const int value = half(3).value(); }, "CHECK failed at .*is_ok");
}

TEST(ResultDeathTest, must_says_why_and_what) {
  EXPECT_DEATH(
      { [[maybe_unused]] const int value = MUST(half(3), "3 is even"); },
      "CHECK failed at .*: 3 is even: odd");
}

}  // namespace
}  // namespace plinth
