// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace plinth {
namespace {

using testing::HasSubstr;

std::string refusal_of(std::string_view text) {
  const Result<Json> parsed = Json::parse(text);
  if (parsed.is_ok()) return "accepted";
  EXPECT_EQ(parsed.error().code, ErrorCode::malformed) << text;
  return parsed.error().message;
}

std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonParse, reads_every_type_and_writes_it_back_unchanged) {
  const std::string text =
      R"({"a":[1,-2,0.50,1E5,true,false,null],"b":{"":"x"},"c":"\u00e9\n\"\\"})";
  const Json json = Json::parse(text).value();
  EXPECT_EQ(json["a"].items().size(), 7u);
  EXPECT_EQ(json["a"].items()[0].as_int(), 1);
  EXPECT_EQ(json["a"].items()[2].as_double(), 0.5);
  EXPECT_EQ(json["b"][""].as_string(), "x");
  EXPECT_EQ(json["c"].as_string(), "\u00e9\n\"\\");
  EXPECT_EQ(
      json.dump(),
      "{\"a\":[1,-2,0.50,1E5,true,false,null],\"b\":{\"\":\"x\"},\"c\":\"\u00e9\\n\\\"\\\\\"}");
}

TEST(JsonParse, reads_scalars_alone_with_space_around) {
  EXPECT_EQ(Json::parse(" 7 ").value(), Json(7));
  EXPECT_EQ(Json::parse("\t\"x\"\r\n").value(), Json("x"));
  EXPECT_TRUE(Json::parse("null").value().is_null());
  EXPECT_EQ(Json::parse("true").value(), Json(true));
}

TEST(JsonParse, keeps_integers_exact_and_other_numbers_as_text) {
  EXPECT_EQ(Json::parse("9223372036854775807").value().as_int(), INT64_MAX);
  EXPECT_EQ(Json::parse("-9223372036854775808").value().as_int(), INT64_MIN);
  const Json big = Json::parse("9223372036854775808").value();
  EXPECT_FALSE(big.is_integer());
  EXPECT_TRUE(big.is_number());
  EXPECT_EQ(big.dump(), "9223372036854775808");
  EXPECT_EQ(Json::parse("-0").value().dump(), "-0");
  EXPECT_EQ(Json::parse("1.000").value().dump(), "1.000");
  EXPECT_EQ(Json::parse("1e-999").value().as_double(), 0.0);
}

TEST(JsonParse, refuses_numbers_no_double_can_hold) {
  EXPECT_THAT(refusal_of("[1e999]"), HasSubstr("offset 1: the number is too large"));
  EXPECT_THAT(refusal_of(std::string(400, '9')), HasSubstr("too large"));
}

TEST(JsonParse, refuses_text_outside_rfc_8259) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "tru",
                           "True",
                           "01",
                           "+1",
                           "-",
                           ".5",
                           "1.",
                           "1e",
                           "1e+",
                           "0x1",
                           "NaN",
                           "Infinity",
                           "1 2",
                           "1,2",
                           "1]",
                           "]",
                           "[",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[1]]",
                           "[[1]",
                           "{",
                           "{}}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "{1:2}",
                           "\"",
                           "\"a",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "'a'",
                           "// c\n1",
                           "/* */1",
                           "[1]x",
                           "\"a\"b",
                           "1a",
                           "[1a]",
                           "1\v",
                           "\f1",
                           "[\"a\" : 1]",
                           "{[]:1}",
                           "1],[2",
                           "],[",
                           "truefalse",
                           "\"a\"\"b\"",
                           "[\"a\"\"b\"]"}) {
    EXPECT_THAT(refusal_of(text), testing::StartsWith("offset ")) << text;
  }
  EXPECT_NE(refusal_of(std::string_view("1\0", 2)), "accepted");
  EXPECT_NE(refusal_of(std::string_view("\0", 1)), "accepted");
  EXPECT_NE(refusal_of(std::string_view("[\"a\0b\"]", 7)), "accepted");
}

TEST(JsonParse, refuses_bad_utf8_raw_control_characters_and_lone_surrogates_with_their_offset) {
  EXPECT_THAT(refusal_of("[\"ab\xff\"]"), HasSubstr("offset 4: "));
  EXPECT_THAT(refusal_of("\"\u00e9\xc3\""), HasSubstr("offset 3: "));
  EXPECT_THAT(refusal_of("[\"a\nb\"]"), HasSubstr("offset 3: "));
  EXPECT_THAT(refusal_of("[1, \"abc]"), HasSubstr("offset 4: "));
  EXPECT_THAT(refusal_of("[1, \"\\ud800\"]"), HasSubstr("offset 4: "));
  EXPECT_NE(refusal_of("\"\\udc00\""), "accepted");
  EXPECT_NE(refusal_of("\"\\ud800\\u0041\""), "accepted");
  EXPECT_EQ(Json::parse("\"\\ud834\\udd1e\"").value().as_string(), "\U0001d11e");
}

TEST(JsonParse, refuses_a_byte_order_mark) {
  EXPECT_THAT(refusal_of("\xef\xbb\xbf{}"), HasSubstr("byte order mark"));
}

TEST(JsonParse, names_the_offset_of_the_token_at_fault) {
  EXPECT_THAT(refusal_of("{\"a\": 1, \"b\": nope}"), HasSubstr("offset 14: "));
  EXPECT_THAT(refusal_of("[1, 02]"), HasSubstr("offset 4: "));
}

TEST(JsonParse, refuses_duplicate_keys_also_when_escaped_and_names_them) {
  EXPECT_THAT(refusal_of(R"({"role":1,"a":2,"role":3})"), HasSubstr("\"role\" twice"));
  EXPECT_THAT(refusal_of(R"({"a":1,"\u0061":2})"), HasSubstr("\"a\" twice"));
  EXPECT_THAT(refusal_of(R"([{"x":{"b":1,"b":1}}])"),
              HasSubstr("begins at offset 6 has the key \"b\" twice"));
  EXPECT_TRUE(Json::parse(R"({"a":{"a":1},"b":{"a":1}})").is_ok());
}

TEST(JsonParse, finds_duplicates_in_objects_of_many_members) {
  std::string text = "{";
  for (int i = 0; i < 50'000; ++i) text += "\"key" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(Json::parse(text + "\"last\":1}").is_ok());
  EXPECT_THAT(refusal_of(text + "\"key7\":1}"), HasSubstr("\"key7\" twice"));
}

TEST(JsonParse, bounds_depth_and_size) {
  EXPECT_TRUE(Json::parse(nested(Json::kDepthMax)).is_ok());
  EXPECT_THAT(refusal_of(nested(Json::kDepthMax + 1)), HasSubstr("deeper than 128"));
  EXPECT_THAT(refusal_of(std::string(2'000'000, '[')), HasSubstr("offset "));
  const std::string big(Json::kTextBytesMax + 1, ' ');
  EXPECT_EQ(Json::parse(big).error().code, ErrorCode::too_large);
}

TEST(JsonParse, large_and_small_texts_may_follow_each_other) {
  const std::string large = "[\"" + std::string(3u << 20, 'x') + "\"]";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Json::parse(large).value().items()[0].as_string().size(), 3u << 20);
    EXPECT_EQ(Json::parse("[]").value().size(), 0u);
  }
}

TEST(JsonWrite, writes_doubles_as_javascript_does) {
  const std::pair<double, const char*> cases[] = {
      {1, "1"},
      {-1, "-1"},
      {0.5, "0.5"},
      {100000, "100000"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {1.5e300, "1.5e+300"},
      {0.000001, "0.000001"},
      {1e-7, "1e-7"},
      {1.25e-9, "1.25e-9"},
      {123.456, "123.456"},
      {0, "0"},
      {-0.0, "-0"},
      {5e-324, "5e-324"},
      {0.1 + 0.2, "0.30000000000000004"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(Json(value).dump(), text);
    EXPECT_EQ(Json::parse(text).value().as_double(), value);
  }
}

TEST(JsonWrite, numbers_that_are_not_finite_become_null) {
  EXPECT_TRUE(Json(std::nan("")).is_null());
  EXPECT_TRUE(Json(std::numeric_limits<double>::infinity()).is_null());
}

TEST(JsonWrite, keeps_unsigned_numbers_past_int64) {
  EXPECT_EQ(Json(UINT64_MAX).dump(), "18446744073709551615");
  EXPECT_TRUE(Json(uint64_t{7}).is_integer());
  EXPECT_EQ(Json::parse("18446744073709551615").value(), Json(UINT64_MAX));
}

TEST(JsonWrite, escapes_what_json_must_and_nothing_else) {
  EXPECT_EQ(Json("\x01\x1f\b\f\n\r\t\"\\/\x7f\u00e9").dump(),
            "\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7f\u00e9\"");
}

TEST(JsonWrite, replaces_bytes_that_are_not_utf8_so_that_the_text_stays_json) {
  EXPECT_EQ(Json("a\xff\u6c34\xe6\xb0z").dump(), "\"a\uFFFD\u6c34\uFFFD\uFFFDz\"");
  EXPECT_TRUE(Json::parse(Json(std::string("\xed\xa0\x80")).dump()).is_ok());
}

TEST(JsonWrite, pretty_text_has_two_spaces_per_level) {
  const Json json = Json::parse(R"({"a":[1,{}],"b":[]})").value();
  EXPECT_EQ(json.dump_pretty(), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST(JsonCanonical, is_the_same_for_equal_values_and_sorts_keys_at_every_level) {
  const Json a = Json::parse(R"({"b":1.0,"a":{"y":1e2,"x":-0}})").value();
  const Json b = Json::parse(R"({"a":{"x":0,"y":100},"b":1})").value();
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.canonical(), R"({"a":{"x":0,"y":100},"b":1})");
  EXPECT_EQ(b.canonical(), a.canonical());
  EXPECT_EQ(Json::parse("0.50").value().canonical(), "0.5");
}

TEST(JsonEquality, compares_numbers_by_value_up_to_2_to_the_53_and_by_text_beyond) {
  EXPECT_EQ(Json(1), Json(1.0));
  EXPECT_EQ(Json::parse("0.50").value(), Json(0.5));
  EXPECT_NE(Json::parse("18446744073709551615").value(),
            Json::parse("18446744073709551614").value());
  EXPECT_NE(Json(1), Json("1"));
  EXPECT_NE(Json(1), Json(true));
}

TEST(JsonEquality, ignores_the_order_of_members_but_not_of_items) {
  EXPECT_EQ(Json::parse(R"({"a":1,"b":2})").value(), Json::parse(R"({"b":2,"a":1})").value());
  EXPECT_NE(Json::parse("[1,2]").value(), Json::parse("[2,1]").value());
  EXPECT_NE(Json::parse(R"({"a":1})").value(), Json::parse(R"({"a":1,"b":null})").value());
}

TEST(JsonEquality, of_large_objects_does_not_look_up_every_key) {
  std::string forward;
  std::string backward;
  for (int i = 0; i < 20'000; ++i) {
    forward += "\"key" + std::to_string(i) + "\":0,";
    backward += "\"key" + std::to_string(19'999 - i) + "\":0,";
  }
  forward.back() = backward.back() = '}';
  EXPECT_EQ(Json::parse("{" + forward).value(), Json::parse("{" + backward).value());
}

TEST(JsonBuild, sets_replaces_pushes_and_erases) {
  Json json;
  json.set("a", 1).set("b", "x").set("a", Json::array_of({"p", "q"}));
  EXPECT_EQ(json.dump(), R"({"a":["p","q"],"b":"x"})");
  EXPECT_TRUE(json.erase("a"));
  EXPECT_FALSE(json.erase("a"));
  EXPECT_EQ(json.dump(), R"({"b":"x"})");
  Json list;
  list.push(1).push(Json::object({{"k", true}}));
  EXPECT_EQ(list.dump(), R"([1,{"k":true}])");
  EXPECT_EQ(list.size(), 2u);
}

TEST(JsonRead, lenient_reads_give_the_fallback_for_other_types) {
  const Json json("text");
  EXPECT_EQ(json.as_int(3), 3);
  EXPECT_EQ(json.as_double(0.5), 0.5);
  EXPECT_TRUE(json.as_bool(true));
  EXPECT_TRUE(json.items().empty());
  EXPECT_TRUE(json["x"]["y"].is_null());
  EXPECT_EQ(Json(2.0).as_int(), 2);
  EXPECT_EQ(Json(2.5).as_int(9), 9);
  EXPECT_EQ(Json(1e300).as_int(9), 9);
  EXPECT_EQ(Json(4).as_double(), 4.0);
  EXPECT_EQ(Json().type_name(), "null");
  EXPECT_EQ(Json(1.5).type_name(), "number");
}

TEST(JsonDeathTest, changing_a_value_of_another_type_is_a_failed_check) {
  EXPECT_DEATH(Json("x").set("a", 1), "CHECK failed");
  EXPECT_DEATH(Json(1).push(2), "CHECK failed");
}

}  // namespace
}  // namespace plinth
