// SPDX-License-Identifier: Apache-2.0
// The forms of a request target.
#include "http/server/target.h"

#include <gtest/gtest.h>

namespace plinth::http {
namespace {

TEST(Target, is_split_into_path_and_query) {
  const Target target = MUST(parse_target("GET", "/v1/a%20b?x=1&flag&y=%26&=v&x=2"), "well formed");
  EXPECT_EQ(target.path, "/v1/a b");
  EXPECT_EQ(target.query.size(), 4u);
  EXPECT_EQ(target.query.at("x"), "1");
  EXPECT_EQ(target.query.at("flag"), "");
  EXPECT_EQ(target.query.at("y"), "&");
  EXPECT_EQ(target.query.at(""), "v");
}

TEST(Target, keeps_plus_in_paths_and_reads_it_as_a_space_in_queries) {
  const Target target = MUST(parse_target("GET", "/a+b?c+d=e+f"), "well formed");
  EXPECT_EQ(target.path, "/a+b");
  EXPECT_EQ(target.query.at("c d"), "e f");
}

TEST(Target, keeps_empty_segments_and_a_last_slash) {
  EXPECT_EQ(parse_target("GET", "/").value().path, "/");
  EXPECT_EQ(parse_target("GET", "//a//").value().path, "//a//");
  EXPECT_EQ(parse_target("GET", "/?").value().path, "/");
}

TEST(Target, decodes_once_only) {
  EXPECT_EQ(parse_target("GET", "/%252e%252e/x").value().path, "/%2e%2e/x");
}

TEST(Target, names_the_host_of_an_absolute_target) {
  const Target target = MUST(parse_target("GET", "http://Host:80/p?q=1"), "well formed");
  EXPECT_EQ(target.authority, "host:80");
  EXPECT_EQ(target.path, "/p");
  EXPECT_EQ(target.query.at("q"), "1");
}

}  // namespace
}  // namespace plinth::http
