// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plinth {
namespace {

using testing::HasSubstr;

std::string as_json(std::string_view text) {
  const Result<Json> parsed = parse_yaml(text);
  return parsed.is_ok() ? parsed->dump() : "refused: " + parsed.error().message;
}

TEST(Yaml, becomes_json_in_the_order_of_the_text) {
  EXPECT_EQ(as_json("b: 1\na:\n  - x\n  - {k: [1, 2]}\n"), R"({"b":1,"a":["x",{"k":[1,2]}]})");
  EXPECT_EQ(as_json(""), "null");
  EXPECT_EQ(as_json("# only a comment\n"), "null");
  EXPECT_EQ(as_json("text"), "\"text\"");
  EXPECT_EQ(as_json("a:\nb: ~\n"), R"({"a":null,"b":null})");
  EXPECT_EQ(as_json("a: []\nb: {}\n"), R"({"a":[],"b":{}})");
}

TEST(Yaml, plain_scalars_follow_the_core_schema_of_version_1_2) {
  EXPECT_EQ(as_json("[null, Null, ~, true, FALSE, True]"), "[null,null,null,true,false,true]");
  EXPECT_EQ(as_json("[0, -7, +3, 007, 0o17, 0xff, 0xFF]"), "[0,-7,3,7,15,255,255]");
  EXPECT_EQ(as_json("[1.5, .5, 1., 1e3, -2.5E-3, +0.25]"), "[1.5,0.5,1,1e3,-2.5E-3,0.25]");
  EXPECT_EQ(as_json("[yes, no, on, off, y, n, 0b1, 1_000, 12:30, 0x, 0o8, '', '.']"),
            R"(["yes","no","on","off","y","n","0b1","1_000","12:30","0x","0o8","","."])");
  EXPECT_EQ(as_json("[-, 1.2.3, 2026-01-31, e5, -.e1]"),
            R"(["-","1.2.3","2026-01-31","e5","-.e1"])");
}

TEST(Yaml, quoted_scalars_and_blocks_stay_strings) {
  EXPECT_EQ(as_json("a: \"1\"\nb: 'true'\nc: |\n  1\nd: !!str 5\ne: \"\"\n"),
            R"({"a":"1","b":"true","c":"1\n","d":"5","e":""})");
}

TEST(Yaml, keys_are_their_text) {
  EXPECT_EQ(as_json("1: a\ntrue: b\n'null': c\n"), R"({"1":"a","true":"b","null":"c"})");
  EXPECT_THAT(as_json("null: c\n"), HasSubstr("a key must not be null"));
  EXPECT_THAT(as_json("? \n: c\n"), HasSubstr("a key must"));
}

TEST(Yaml, refuses_duplicate_keys_with_line_and_column) {
  EXPECT_THAT(as_json("a: 1\nb: 2\n  \na: 3\n"), HasSubstr("line 4, column 1: the key 'a'"));
  EXPECT_THAT(as_json("{a: 1, \"a\": 2}"), HasSubstr("twice"));
}

TEST(Yaml, refuses_aliases_so_that_nothing_grows) {
  EXPECT_THAT(as_json("a: &x 1\nb: *x\n"), HasSubstr("line 2, column 4: aliases"));
  EXPECT_THAT(as_json("a: &a [x,x]\nb: &b [*a,*a]\n"), HasSubstr("aliases"));
}

TEST(Yaml, refuses_tags_complex_keys_and_numbers_that_are_not_finite) {
  EXPECT_THAT(as_json("a: !!binary aGk=\n"), HasSubstr("tag"));
  EXPECT_THAT(as_json("a: !python/object x\n"), HasSubstr("tag"));
  EXPECT_THAT(as_json("a: !mine {b: 1}\n"), HasSubstr("tag"));
  EXPECT_THAT(as_json("? [a, b]\n: c\n"), HasSubstr("a key must be a scalar"));
  EXPECT_THAT(as_json("a: .inf\n"), HasSubstr("finite"));
  EXPECT_THAT(as_json("a: -.INF\n"), HasSubstr("finite"));
  EXPECT_THAT(as_json("a: .nan\n"), HasSubstr("finite"));
  EXPECT_THAT(as_json("a: 1e999\n"), HasSubstr("too large"));
}

TEST(Yaml, malformed_text_names_line_and_column) {
  EXPECT_THAT(as_json("a: [1, 2\nb: 3\n"), HasSubstr("line "));
  EXPECT_THAT(as_json("a: \"x\n"), HasSubstr("column "));
  EXPECT_THAT(as_json("a: 'x"), HasSubstr("column "));
  EXPECT_THAT(as_json("a: b: c\n"), HasSubstr("line 1"));
  EXPECT_THAT(as_json("\ta: 1"), HasSubstr("refused"));
}

TEST(Yaml, refuses_a_second_document) {
  EXPECT_EQ(as_json("---\na: 1\n"), R"({"a":1})");
  EXPECT_EQ(as_json("---\na: 1\n...\n"), R"({"a":1})");
  EXPECT_EQ(as_json("a: |\n  x"), "{\"a\":\"x\\n\"}");
  EXPECT_EQ(as_json("a: x # end"), R"({"a":"x"})");
  EXPECT_THAT(as_json("a: 1\n---\nb: 2\n"), HasSubstr("one YAML document"));
}

TEST(Yaml, bounds_depth_and_size) {
  EXPECT_TRUE(parse_yaml(std::string(64, '[') + std::string(64, ']')).is_ok());
  EXPECT_THAT(as_json(std::string(65, '[') + std::string(65, ']')), HasSubstr("deeper than 64"));
  EXPECT_THAT(as_json(std::string(100'000, '[')), HasSubstr("refused"));
  EXPECT_EQ(parse_yaml(std::string((1u << 20) + 1, ' ')).error().code, ErrorCode::too_large);
}

TEST(Yaml, refuses_text_that_is_not_utf8) {
  EXPECT_THAT(as_json("a: \xff\xfe\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(as_json(std::string_view("a\0:\0 \0001\0", 8)), HasSubstr("UTF-8"));
  EXPECT_EQ(as_json("a: \u6c34"), "{\"a\":\"\u6c34\"}");
  EXPECT_EQ(as_json(R"("\xa0\x85\u6c34")"), "\"\u00a0\u0085\u6c34\"");
  EXPECT_THAT(as_json(R"("\N")"), HasSubstr("escapes"));
  EXPECT_THAT(as_json(R"("\_")"), HasSubstr("escapes"));
  EXPECT_THAT(as_json(R"("\ud800")"), HasSubstr("refused"));
}

}  // namespace
}  // namespace plinth
