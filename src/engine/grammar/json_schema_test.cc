// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

Result<std::shared_ptr<CompiledGrammar>> compile(const std::string& schema) {
  return CompiledGrammar::compile({GrammarText::Kind::json_schema, schema}, testing::byte_trie());
}

struct Example {
  const char* schema;
  std::vector<const char*> accepted;
  std::vector<const char*> refused;
};

const Example kExamples[] = {
    {R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},
        "required":["name"]})",
     {R"({"name":"a"})", R"({"name": "\u00e9\n\"", "age": -3})", R"({"name":"","age":0})"},
     {R"({})", R"({"age":1})", R"({"age":1,"name":"a"})", R"({"name":"a","x":1})",
      R"({"name":"a","age":01})", R"({ "name":"a"})", R"({"name":"a",  "age":1})",
      R"({"name":"a","age":1.5})", R"({"name":"a",})", "{\"name\":\"\n\"}"}},
    {R"({"type":["integer","null","boolean"]})",
     {"0", "-12", "null", "true"},
     {"-0", "1.0", "\"\"", "+1"}},
    {R"({"enum":["a",1,null,{"b":[true]}]})",
     {R"("a")", "1", "null", R"({"b":[true]})"},
     {"2", "[]"}},
    {R"({"type":"string","enum":["a",1]})", {R"("a")"}, {"1"}},
    {R"({"const":"x\"y"})", {R"("x\"y")"}, {R"("x")"}},
    {R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3})",
     {"[true]", "[true, false,true]"},
     {"[]", "[true,true,true,true]", "[true,]", "[,true]"}},
    {R"({"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":1})",
     {"[1]", "[1,2]", "[1,2,3,3]"},
     {"[]", "[2]", "[1,3]"}},
    {R"({"type":"array","prefixItems":[{"const":1},{"const":2}]})",
     {"[]", "[1]", "[1,2]"},
     {"[1,2,3]"}},
    {R"({"type":"string","minLength":2,"maxLength":3})",
     {R"("ab")", R"("\n\"")", "\"\xf0\x9f\x98\x80\xc3\xa9z\""},
     {R"("a")", R"("abcd")", R"("\u00e9a")"}},
    {R"({"type":"string","pattern":"^[a-c]+\"?$"})",
     {R"("abc")", R"("a\"")"},
     {R"("")", R"("a"")", R"("d")"}},
    {R"({"type":"string","pattern":"b|^c"})",
     {R"("xby")", R"("cz")", R"("b")"},
     {R"("xc")", R"("")"}},
    {R"({"type":"string","pattern":"^a{2,4}$","maxLength":4})", {R"("aa")"}, {R"("a")"}},
    {R"({"type":"integer","minimum":-5,"exclusiveMaximum":120})",
     {"-5", "-1", "0", "7", "99", "119"},
     {"-6", "120", "1000", "-10", "00"}},
    {R"({"type":"integer","minimum":1.5,"maximum":3.5})", {"2", "3"}, {"1", "4"}},
    {R"({"type":"number","minimum":-0.5,"maximum":2.25})",
     {"-0.5", "-0.25", "0", "0.0", "1", "2", "2.2", "2.250", "2.0"},
     {"-0.51", "-1", "2.26", "2.251", "3", "1e0"}},
    {R"({"type":"number","exclusiveMinimum":1,"exclusiveMaximum":1.1})",
     {"1.01", "1.09999", "1.001"},
     {"1", "1.0", "1.1", "1.10", "1.2"}},
    {R"({"type":"number"})", {"0", "-0.5", "1e9", "12.25E-3"}, {"01", ".5", "1.", "1e", "1e999"}},
    {R"({"$ref":"#/$defs/tree","$defs":{"tree":{"type":"object","properties":{"value":{"type":"integer"},
        "children":{"type":"array","items":{"$ref":"#/$defs/tree"}}},"required":["value"]}}})",
     {R"({"value":1})", R"({"value":1,"children":[{"value":2,"children":[]},{"value":3}]})"},
     {R"({"children":[]})", R"({"value":1,"children":[2]})"}},
    {R"({"type":"object","properties":{"a":{"type":"integer"},"ab":{"const":2}},"additionalProperties":{"type":"boolean"}})",
     {R"({})", R"({"a":1})", R"({"a":1,"b":true})", R"({"abc":true,"":false})",
      R"({"ab":2,"\n":true})"},
     {R"({"a":true})", R"({"b":1})", R"({"ab":true})", R"({"\u0061":true})",
      R"({"b":true,"a":1})"}},
    {R"({"type":"object","required":["x"]})", {R"({"x":[1,{"y":null}]})"}, {R"({})", R"({"y":1})"}},
    {R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]})",
     {"5", R"("a")"},
     {R"("ab")", "null"}},
    {R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},
                  {"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"]}]})",
     {R"({"kind":"a","x":1})", R"({"kind":"b"})"},
     {R"({"kind":"b","x":1})", R"({"kind":"a"})"}},
    {R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":0}},"required":["a"]},
                  {"properties":{"a":{"maximum":9},"b":{"type":"null"}}}]})",
     {R"({"a":9})", R"({"a":0,"b":null})"},
     {R"({"a":10})", R"({"b":null})"}},
    {R"({"type":"object","properties":{"p":{"$ref":"#/definitions/pos","description":"a number"}},
        "definitions":{"pos":{"type":"integer","minimum":1}}})",
     {R"({"p":1})"},
     {R"({"p":0})"}},
    {R"({"maxLength":1})", {"100", R"("a")", "[1,2]", R"({"k":"long"})"}, {R"("ab")"}},
    {R"({"type":"object","properties":{"a":false,"b":true}})",
     {R"({"b":[{}]})", "{}"},
     {R"({"a":1})"}},
    {R"({})",
     {R"({"a":[1,null,"x",{"b":1e5}]})", "[]", R"("\ud83d\ude00")"},
     {R"("\ud83d")", R"({a:1})", ""}},
    {R"({"type":"string","format":"date"})",
     {R"("2024-02-29")", R"("1999-12-31")"},
     {R"("2023-02-29")", R"("2023-04-31")", R"("1900-02-29")", R"("2024-1-01")"}},
    {R"({"type":"string","format":"date-time"})",
     {R"("2024-02-29T23:59:59.5Z")"},
     {R"("2024-02-29")", R"("2024-02-29T24:00:00Z")"}},
    {R"({"type":"string","format":"ipv4"})",
     {R"("255.0.10.1")"},
     {R"("256.0.0.1")", R"("1.2.3")", R"("01.2.3.4")"}},
    {R"({"type":"string","format":"ipv6"})",
     {R"("::")", R"("1::8")", R"("1:2:3:4:5:6:7:8")", R"("::ffff:1")"},
     {R"("1:2:3")", R"("1::2::3")", R"("1:2:3:4:5:6:7:8:9")", R"("12345::")"}},
};

TEST(JsonSchema, accepts_what_is_valid_and_nothing_else) {
  for (const Example& example : kExamples) {
    const auto made = compile(example.schema);
    ASSERT_TRUE(made.is_ok()) << example.schema << ": " << made.error().message;
    for (const char* text : example.accepted) {
      EXPECT_TRUE(testing::accepts(**made, text)) << example.schema << " on " << text;
    }
    for (const char* text : example.refused) {
      EXPECT_FALSE(testing::accepts(**made, text)) << example.schema << " on " << text;
    }
  }
}

TEST(JsonSchema, every_generated_document_is_valid) {
  SeededRandom random(5);
  int checked = 0;
  for (const Example& example : kExamples) {
    const auto made = compile(example.schema);
    ASSERT_TRUE(made.is_ok());
    const auto schema = Json::parse(example.schema);
    ASSERT_TRUE(schema.is_ok());
    for (int i = 0; i < 60; ++i) {
      std::string text;
      if (!testing::generate(**made, random, 60, text)) continue;
      const auto value = Json::parse(text);
      if (value.is_error() && value.error().message.find("duplicate") != std::string::npos)
        continue;
      ASSERT_TRUE(value.is_ok()) << example.schema << " generated " << text << ": "
                                 << value.error().message;
      EXPECT_TRUE(testing::is_valid(*schema, *schema, *value))
          << example.schema << " generated " << text;
      ++checked;
    }
  }
  EXPECT_GT(checked, 1500);
}

TEST(JsonSchema, every_format_generates_texts_of_that_format) {
  SeededRandom random(6);
  for (const char* format : {"date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6",
                             "hostname", "email", "uri"}) {
    const std::string schema = std::string(R"({"type":"string","format":")") + format + "\"}";
    const auto made = compile(schema);
    ASSERT_TRUE(made.is_ok()) << format << made.error().message;
    const Json parsed = *Json::parse(schema);
    int checked = 0;
    for (int i = 0; i < 60; ++i) {
      std::string text;
      if (!testing::generate(**made, random, 20, text)) continue;
      EXPECT_TRUE(testing::is_valid(parsed, parsed, *Json::parse(text))) << format << ": " << text;
      ++checked;
    }
    EXPECT_GT(checked, 20) << format;
  }
}

// A random schema together with a random document that is valid for it, in the schema's order.
class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  Json schema(int depth) {
    switch (random_.below(depth > 0 ? 8 : 5)) {
      case 0:
        return Json::object({{"type", "boolean"}});
      case 1: {
        const int64_t low = static_cast<int64_t>(random_.below(2000)) - 1000;
        return Json::object({{"type", "integer"},
                             {"minimum", low},
                             {"maximum", low + static_cast<int64_t>(random_.below(500))}});
      }
      case 2: {
        const auto least = static_cast<int64_t>(random_.below(4));
        return Json::object({{"type", "string"},
                             {"minLength", least},
                             {"maxLength", least + static_cast<int64_t>(random_.below(6))}});
      }
      case 3:
        return Json::object({{"enum", Json(Json::Array{"red", 7, Json(), Json::array()})}});
      case 4: {
        const double low = (static_cast<double>(random_.below(4000)) - 2000) / 8;
        return Json::object(
            {{"type", "number"},
             {"minimum", low},
             {"exclusiveMaximum", low + static_cast<double>(1 + random_.below(99)) / 8}});
      }
      case 5: {
        const auto least = static_cast<int64_t>(random_.below(3));
        return Json::object({{"type", "array"},
                             {"items", schema(depth - 1)},
                             {"minItems", least},
                             {"maxItems", least + static_cast<int64_t>(random_.below(3))}});
      }
      case 6:
        return Json::object({{"anyOf", Json(Json::Array{schema(depth - 1), schema(depth - 1)})}});
      default: {
        Json properties = Json::object();
        Json required = Json::array();
        for (uint64_t i = 0, count = random_.below(5); i < count; ++i) {
          const std::string name = "p" + std::string(1, static_cast<char>('a' + i));
          properties.set(name, schema(depth - 1));
          if (random_.below(2) == 0) required.push(name);
        }
        return Json::object(
            {{"type", "object"}, {"properties", properties}, {"required", required}});
      }
    }
  }

  Json value(const Json& schema) {
    if (schema.contains("enum")) return schema["enum"].items()[random_.below(4)];
    if (schema.contains("anyOf")) return value(schema["anyOf"].items()[random_.below(2)]);
    const std::string& type = schema["type"].as_string();
    const auto between = [&](const char* low, const char* high) {
      const int64_t least = schema[low].as_int();
      return least + static_cast<int64_t>(
                         random_.below(static_cast<uint64_t>(schema[high].as_int() - least + 1)));
    };
    if (type == "boolean") return Json(random_.below(2) == 0);
    if (type == "integer") return Json(between("minimum", "maximum"));
    if (type == "number") {
      const double low = schema["minimum"].as_double();
      const double span = schema["exclusiveMaximum"].as_double() - low;
      return Json(low + std::floor(random_.uniform() * span * 64) / 64);
    }
    if (type == "string") {
      std::string text;
      for (int64_t left = between("minLength", "maxLength"); left > 0; --left) {
        constexpr const char* kCharacters[] = {
            "a", "\"", "\\", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "/"};
        text += kCharacters[random_.below(8)];
      }
      return Json(text);
    }
    Json made = type == "array" ? Json::array() : Json::object();
    if (type == "array") {
      for (int64_t left = between("minItems", "maxItems"); left > 0; --left)
        made.push(value(schema["items"]));
      return made;
    }
    for (const auto& [name, property] : schema["properties"].members()) {
      const auto& required = schema["required"].items();
      const bool is_required =
          std::find(required.begin(), required.end(), Json(name)) != required.end();
      if (is_required || random_.below(2) == 0) made.set(name, value(property));
    }
    return made;
  }

 private:
  Random& random_;
};

TEST(JsonSchema, accepts_random_valid_documents_and_generates_valid_ones_for_random_schemas) {
  SeededRandom random(9);
  Writer writer(random);
  int generated = 0;
  for (int round = 0; round < 80; ++round) {
    const Json schema = writer.schema(3);
    const auto made = compile(schema.dump());
    ASSERT_TRUE(made.is_ok()) << schema.dump() << made.error().message;
    for (int i = 0; i < 12; ++i) {
      const Json value = writer.value(schema);
      ASSERT_TRUE(testing::is_valid(schema, schema, value)) << schema.dump() << value.dump();
      EXPECT_TRUE(testing::accepts(**made, value.dump()))
          << schema.dump() << " on " << value.dump();
      std::string text;
      if (!testing::generate(**made, random, 60, text)) continue;
      const auto parsed = Json::parse(text);
      ASSERT_TRUE(parsed.is_ok()) << text;
      EXPECT_TRUE(testing::is_valid(schema, schema, *parsed))
          << schema.dump() << " generated " << text;
      ++generated;
    }
  }
  EXPECT_GT(generated, 700);
}

TEST(JsonSchema, refuses_what_it_does_not_take_by_name) {
  const std::pair<const char*, const char*> kRefused[] = {
      {R"({"type":"integer","multipleOf":3})", "at #, \"multipleOf\": this keyword is not taken"},
      {R"({"type":"object","properties":{"a":{"not":{}}}})", "at #/properties/a, \"not\""},
      {R"({"type":"array","uniqueItems":true})", "\"uniqueItems\": true is not taken"},
      {R"({"type":"object","patternProperties":{"a":{}}})", "\"patternProperties\""},
      {R"({"type":"strin"})", "'strin' is not a type"},
      {R"({"type":"string","format":"regex"})", "'regex' is not taken; there are date, time"},
      {R"x({"type":"string","pattern":"(?=a)"})x", "\"pattern\" at byte 0"},
      {R"({"type":"string","pattern":"a+","maxLength":3})", "outside of minLength and maxLength"},
      {R"({"type":"string","maxLength":100000})", "100000 is more than the 4096"},
      {R"({"type":"string","minLength":-1})", "\"minLength\": expected a number of 0 or above"},
      {R"({"$ref":"http://example.com/x"})", "lies outside this document"},
      {R"({"$ref":"#/$defs/nothing"})", "there is no '$defs'"},
      {R"({"oneOf":[{"type":"integer"},{"minimum":3}]})", "parts 0 and 1 may both be valid"},
      {R"({"enum":["a"],"minLength":1})", "\"minLength\": it is not taken beside enum"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
       "matches nothing that ends"},
      {R"({"minimum":"3"})", "\"minimum\": expected a number"},
      {R"({"items":[{}]})", "write prefixItems"},
      {R"({"allOf":[{"$ref":"#"}],"type":"object"})", "leads back to itself"},
      {R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})",
       "parts of one schema give it different values"},
      {R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]})",
       "names the property 'b' that this one does not"},
      {"false", "matches nothing"},
      {R"({"type":"integer","minimum":5,"maximum":4})", "matches nothing"},
      {"[1]", "expected an object"},
      {"{", "JSON schema: "},
  };
  for (const auto& [schema, part] : kRefused) {
    const auto made = compile(schema);
    ASSERT_TRUE(made.is_error()) << schema;
    EXPECT_EQ(made.error().code, ErrorCode::invalid_argument) << schema;
    EXPECT_NE(made.error().message.find(part), std::string::npos)
        << schema << ": " << made.error().message;
  }
}

}  // namespace
}  // namespace plinth::engine::grammar
