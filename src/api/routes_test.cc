// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace plinth::api {
namespace {

TEST(Routes, every_row_is_the_only_one_of_its_method_and_pattern) {
  std::set<std::string> seen;
  for (const Route& route : route_table()) {
    EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.pattern)).second)
        << route.pattern;
    EXPECT_NE(route.endpoint, nullptr) << route.pattern;
    EXPECT_FALSE(route.meaning.empty()) << route.pattern;
  }
}

TEST(Routes, takes_parameters_from_the_path) {
  const RouteMatch match = find_route("DELETE", "/api/memory/notes/records/mem_1");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.parameters.at("space"), "notes");
  EXPECT_EQ(match.parameters.at("record"), "mem_1");
}

TEST(Routes, tells_an_unknown_path_from_a_wrong_method) {
  EXPECT_FALSE(find_route("GET", "/v1/nothing").is_path_known);
  const RouteMatch match = find_route("GET", "/v1/chat/completions");
  EXPECT_TRUE(match.is_path_known);
  EXPECT_EQ(match.route, nullptr);
}

TEST(Routes, a_wrong_method_is_told_in_the_dialect_of_the_path) {
  EXPECT_EQ(find_route("GET", "/v1/messages").dialect, Dialect::anthropic);
  EXPECT_EQ(find_route("GET", "/api/chat").dialect, Dialect::ollama);
  EXPECT_EQ(find_route("GET", "/api/runs").dialect, Dialect::openai);
  EXPECT_EQ(find_route("GET", "/nothing").dialect, Dialect::openai);
}

TEST(Routes, an_empty_segment_is_no_parameter) {
  EXPECT_EQ(find_route("GET", "/api/runs/").route, nullptr);
  EXPECT_EQ(find_route("GET", "/api/runs//entries").route, nullptr);
}

TEST(Routes, HEAD_is_answered_like_GET) {
  ASSERT_NE(find_route("HEAD", "/healthz").route, nullptr);
}

TEST(Routes, only_liveness_and_the_page_of_the_console_are_open) {
  std::set<std::string_view> open;
  for (const Route& route : route_table()) {
    if (route.access != Access::authenticated) open.insert(route.pattern);
  }
  EXPECT_EQ(open, (std::set<std::string_view>{"/", "/healthz", "/readyz"}));
}

}  // namespace
}  // namespace plinth::api
