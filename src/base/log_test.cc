// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plinth {
namespace {

using testing::MatchesRegex;

std::string logged(LogLevel level, std::string_view event,
                   std::initializer_list<LogField> fields = {}) {
  testing::internal::CaptureStderr();
  log_event(level, event, fields);
  return testing::internal::GetCapturedStderr();
}

class LogTest : public testing::Test {
 protected:
  void TearDown() override { set_log_level(LogLevel::info); }
};

TEST_F(LogTest, writes_time_level_event_and_fields_on_one_line) {
  EXPECT_THAT(logged(LogLevel::info, "node.started", {{"port", "8080"}, {"name", "a b"}}),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info "
                           "node\\.started port=8080 name=\"a b\"\n"));
}

TEST_F(LogTest, no_value_can_begin_a_line_or_a_field_of_its_own) {
  const std::string line = logged(
      LogLevel::warning, "tool.failed",
      {{"error", "x\n2026-01-01T00:00:00.000Z error fake"}, {"path", "a=b \"c\""}, {"empty", ""}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, testing::HasSubstr(" warning tool.failed error=\"x\\n2026-01-01T"));
  EXPECT_THAT(line, testing::HasSubstr(" path=\"a=b \\\"c\\\"\" empty=\"\"\n"));
}

TEST_F(LogTest, cuts_long_values) {
  EXPECT_LT(logged(LogLevel::info, "x", {{"text", std::string(100'000, 'a')}}).size(), 5000u);
}

TEST_F(LogTest, braces_in_values_are_only_text) {
  EXPECT_THAT(logged(LogLevel::error, "x", {{"text", "{}%v"}}),
              testing::EndsWith("error x text={}%v\n"));
}

TEST_F(LogTest, levels_below_the_set_one_are_silent) {
  EXPECT_EQ(logged(LogLevel::debug, "x"), "");
  set_log_level(LogLevel::debug);
  EXPECT_NE(logged(LogLevel::debug, "x"), "");
  set_log_level(LogLevel::off);
  EXPECT_EQ(logged(LogLevel::error, "x"), "");
}

}  // namespace
}  // namespace plinth
