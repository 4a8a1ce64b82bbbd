// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace plinth {
namespace {

TEST(ErrorTable, names_every_code_once_and_in_lower_case) {
  std::set<std::string_view> names;
  for (const ErrorRow& row : error_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_EQ(&error_row(row.code), &row);
    EXPECT_EQ(error_name(row.code), row.name);
  }
  EXPECT_EQ(names.size(), 26u);
}

TEST(ErrorTable, gives_an_http_error_status_a_type_and_a_sentence_to_every_code) {
  for (const ErrorRow& row : error_table()) {
    EXPECT_GE(row.http_status, 400) << row.name;
    EXPECT_LE(row.http_status, 599) << row.name;
    EXPECT_FALSE(row.openai_type.empty()) << row.name;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.name;
  }
}

TEST(ErrorTable, allows_a_retry_only_where_nothing_was_done) {
  std::set<std::string_view> later;
  for (const ErrorRow& row : error_table()) {
    if (row.retry == Retry::later) later.insert(row.name);
  }
  EXPECT_EQ(later, (std::set<std::string_view>{"rate_limited", "overloaded", "deadline_exceeded",
                                               "unavailable", "upstream_failed"}));
  EXPECT_EQ(error_row(ErrorCode::outcome_unknown).retry, Retry::never);
}

}  // namespace
}  // namespace plinth
