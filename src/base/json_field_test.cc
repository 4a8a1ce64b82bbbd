// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/json.h"

namespace plinth {
namespace {

using namespace json_field;

const Json kBody = Json::object({{"name", "a"},
                                 {"temperature", 0.7},
                                 {"count", 3},
                                 {"whole", 4.0},
                                 {"stream", true},
                                 {"nothing", nullptr}});

TEST(JsonField, reads_what_is_there) {
  EXPECT_EQ(required_string(kBody, "name").value(), "a");
  EXPECT_EQ(optional_string(kBody, "name").value(), "a");
  EXPECT_EQ(optional_number(kBody, "temperature", 0, 2).value(), 0.7);
  EXPECT_EQ(optional_number(kBody, "count", 0, 3).value(), 3.0);
  EXPECT_EQ(optional_integer(kBody, "count", 3, 3).value(), 3);
  EXPECT_EQ(optional_integer(kBody, "whole", 0, 9).value(), 4);
  EXPECT_EQ(optional_bool(kBody, "stream").value(), true);
}

TEST(JsonField, absent_and_null_are_no_value) {
  for (const char* key : {"nothing", "missing"}) {
    EXPECT_EQ(optional_string(kBody, key).value(), std::nullopt);
    EXPECT_EQ(optional_number(kBody, key, 0, 1).value(), std::nullopt);
    EXPECT_EQ(optional_integer(kBody, key, 0, 1).value(), std::nullopt);
    EXPECT_EQ(optional_bool(kBody, key).value(), std::nullopt);
  }
}

TEST(JsonField, refusals_name_the_field_and_what_was_expected) {
  const auto wrong = optional_number(kBody, "name", 0, 2);
  ASSERT_TRUE(wrong.is_error());
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(wrong.error().message, "name: expected a number, got string");
  EXPECT_EQ(wrong.error().param, "name");
  EXPECT_EQ(required_string(kBody, "x").error().message, "x: a string is required");
  EXPECT_EQ(required_string(kBody, "nothing").error().message,
            "nothing: expected a string, got null");
  EXPECT_EQ(optional_bool(kBody, "count").error().message, "count: expected a boolean, got number");
}

TEST(JsonField, refuses_numbers_out_of_range_and_fractions_where_an_integer_is_due) {
  EXPECT_EQ(optional_number(kBody, "temperature", 1, 2).error().message,
            "temperature: 0.7 is not between 1 and 2");
  EXPECT_EQ(optional_integer(kBody, "count", 5, 9).error().message,
            "count: 3 is not between 5 and 9");
  EXPECT_EQ(optional_integer(kBody, "temperature", 0, 9).error().message,
            "temperature: expected an integer, got 0.7");
  const Json huge = Json::parse(R"({"n":99999999999999999999})").value();
  EXPECT_TRUE(optional_integer(huge, "n", 0, INT64_MAX).is_error());
}

}  // namespace
}  // namespace plinth
