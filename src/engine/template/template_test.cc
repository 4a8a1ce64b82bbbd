// SPDX-License-Identifier: Apache-2.0
// The template language against what Jinja2 writes for the same template, its limits, and the marks
// on foreign text.
#include <gtest/gtest.h>

#include "engine/template/chat.h"
#include "engine/template/interpreter.h"
#include "engine/template/lexer.h"
#include "engine/template/parser.h"

namespace plinth::engine::templates {
namespace {

Result<Text> render_text(std::string_view source, std::string_view variables = "{}") {
  const Block block = TRY(parse_template(source));
  const Json json = TRY(Json::parse(variables));
  Variables made;
  for (const auto& [name, value] : json.members()) {
    made.emplace_back(name, Value::from_json(value, true));
  }
  return render(block, std::move(made));
}

std::string run(std::string_view source, std::string_view variables = "{}") {
  const auto text = render_text(source, variables);
  return text.is_ok() ? text->bytes : text.error().message;
}

ErrorCode failure(std::string_view source, std::string_view variables = "{}") {
  const auto text = render_text(source, variables);
  EXPECT_TRUE(text.is_error()) << (text.is_ok() ? text->bytes : "");
  return text.is_error() ? text.error().code : ErrorCode::internal;
}

TEST(Template, writes_text_and_values) {
  EXPECT_EQ(run("a{{ x }}b{{ 1 }}{{ none }}{{ true }}{{ missing }}", R"({"x":"y"})"),
            "ayb1NoneTrue");
  EXPECT_EQ(run("{{ 'it''s' }}{{ \"q\\n\\\"\" }}"), "itsq\n\"");
  EXPECT_EQ(run("{# gone #}kept"), "kept");
}

TEST(Template, trims_blocks_as_chat_templates_expect) {
  EXPECT_EQ(run("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc");
  EXPECT_EQ(run("a \n {%- if true -%} \n b {%- endif %} c"), "ab c");
  EXPECT_EQ(run("x {% if true %}y{% endif %}"), "x y");
  EXPECT_EQ(run("  {{ 1 }}\n{{- 2 -}}\n 3"), "  123");
  EXPECT_EQ(run("  {%+ if true %}a{% endif %}"), "  a");
}

TEST(Template, computes_with_the_usual_precedence) {
  EXPECT_EQ(run("{{ 1 + 2 * 3 - 4 }}"), "3");
  EXPECT_EQ(run("{{ 'a' ~ 1 * 2 }}"), "a2");
  EXPECT_EQ(run("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % 3 }}"), "3 -4 2 1");
  EXPECT_EQ(run("{{ 'ab' * 2 ~ 3 }}"), "abab3");
  EXPECT_EQ(run("{{ not 1 == 2 and 3 in [1, 3] }}"), "True");
  EXPECT_EQ(run("{{ 'x' if false else 'y' if true else 'z' }}"), "y");
  EXPECT_EQ(run("{{ 'a' < 'b' }}{{ 2 >= 2.5 }}{{ 'k' not in {'k': 1} }}"), "TrueFalseFalse");
  EXPECT_EQ(run("{{ '' or 'b' }}{{ 'a' and 0 }}"), "b0");
}

TEST(Template, reads_attributes_subscripts_and_slices) {
  const char* variables = R"({"m":{"a":{"b":"c"},"l":[1,2,3]}})";
  EXPECT_EQ(run("{{ m.a.b }}{{ m['a']['b'] }}{{ m.l[-1] }}{{ m.l[0] }}", variables), "cc31");
  EXPECT_EQ(run("{{ m.l[1:] | tojson }}{{ m.l[::-1] | tojson }}{{ 'abc'[:2] }}", variables),
            "[2, 3][3, 2, 1]ab");
  EXPECT_EQ(run("{{ m.none_such is defined }}{{ m.l[9] is undefined }}", variables), "FalseTrue");
  EXPECT_EQ(failure("{{ absent.member }}"), ErrorCode::malformed);
}

TEST(Template, loops_with_their_state) {
  EXPECT_EQ(run("{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{% if loop.first %}f"
                "{% endif %}{% if not loop.last %},{% endif %}{% endfor %}"),
            "10f,21,32");
  EXPECT_EQ(run("{% for k in d %}{{ k }}{% endfor %}{% for k, v in d.items() %}{{ k ~ v }}"
                "{% endfor %}",
                R"({"d":{"a":1,"b":2}})"),
            "aba1b2");
  EXPECT_EQ(run("{% for x in [1,2,3] if x != 2 %}{{ x }}/{{ loop.length }} {% endfor %}"),
            "1/2 3/2 ");
  EXPECT_EQ(run("{% for x in [] %}{% else %}none{% endfor %}"), "none");
}

TEST(Template, sets_inside_a_loop_stay_there_but_namespaces_keep) {
  EXPECT_EQ(run("{% set a = 1 %}{% for x in [5] %}{% set a = x %}{% endfor %}{{ a }}"), "1");
  EXPECT_EQ(run("{% set n = namespace(a=1) %}{% for x in [5] %}{% set n.a = x %}{% endfor %}"
                "{{ n.a }}"),
            "5");
  EXPECT_EQ(run("{% if true %}{% set b = 2 %}{% endif %}{{ b }}"), "2");
}

TEST(Template, branches) {
  const char* source = "{% if x == 1 %}one{% elif x == 2 %}two{% else %}many{% endif %}";
  EXPECT_EQ(run(source, R"({"x":1})"), "one");
  EXPECT_EQ(run(source, R"({"x":2})"), "two");
  EXPECT_EQ(run(source, R"({"x":3})"), "many");
}

TEST(Template, filters) {
  EXPECT_EQ(run("{{ '  a ' | trim }}|{{ 'aB' | upper }}{{ 'aB' | lower }}"), "a|ABab");
  EXPECT_EQ(run("{{ [1,2] | length }}{{ 'äö' | length }}{{ [1,2] | join('-') }}"), "221-2");
  EXPECT_EQ(run("{{ x | default('d') }}{{ '' | default('e', true) }}{{ '' | default('f') }}"),
            "de");
  EXPECT_EQ(run("{{ [4,5] | first }}{{ [4,5] | last }}"), "45");
  EXPECT_EQ(run("{{ ' x '.strip() }}{{ 'a-b'.split('-')[1] }}{{ 'ab'.startswith('a') }}"),
            "xbTrue");
}

TEST(Template, writes_json_as_python_does) {
  EXPECT_EQ(run("{{ v | tojson }}", R"({"v":{"a":[1,"x\n\"ü",null,true,1.5],"b":{}}})"),
            R"({"a": [1, "x\n\"ü", null, true, 1.5], "b": {}})");
  EXPECT_EQ(run("{{ v | tojson(separators=(',', ':')) }}", R"({"v":{"a":[1,2]}})"),
            R"({"a":[1,2]})");
  EXPECT_EQ(run("{{ v | tojson(indent=2) }}", R"({"v":{"a":[1],"b":{}}})"),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}");
}

TEST(Template, macros_take_arguments_and_see_the_outermost_names) {
  EXPECT_EQ(run("{% macro f(a, b='x') %}{{ a ~ b ~ c }}{% endmacro %}{% set c = 9 %}"
                "{{ f(1) }} {{ f(1, b=2) }} {{ f(b=3, a=4) }}"),
            "1x9 129 439");
  EXPECT_EQ(run("{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}"
                "{{ f(3) | length }}{{ f(3) }}"),
            "43210");
  EXPECT_EQ(run("{% macro f() %}{{ x is defined }}{% endmacro %}"
                "{% for x in [1] %}{{ f() }}{% endfor %}"),
            "False");
  for (const char* source :
       {"{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}",
        "{% for x in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}"}) {
    EXPECT_EQ(failure(source), ErrorCode::malformed) << source;
  }
}

TEST(Template, blocks_are_captured_filtered_and_left) {
  EXPECT_EQ(run("{% set a %} b{{ 1 }} {% endset %}[{{ a }}]"), "[ b1 ]");
  EXPECT_EQ(run("{% set a | trim | upper %} b {% endset %}[{{ a }}]"), "[B]");
  EXPECT_EQ(run("{% filter replace('a', 'b') %}xaa{% endfilter %}"), "xbb");
  EXPECT_EQ(run("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}"
                "{% if x > 3 %}{% break %}{% endif %}{{ x }}{% endfor %}"),
            "023");
  EXPECT_EQ(run("{% with a = 1 %}{{ a }}{% endwith %}{{ a is defined }}"), "1False");
}

TEST(Template, methods_come_before_members_in_dots_and_after_them_in_brackets) {
  const char* x = R"({"x":{"items":{"type":"string"},"a":1}})";
  EXPECT_EQ(run("{{ x['items'].type }}{{ x.items is callable }}{{ x.items.type is defined }}", x),
            "stringTrueFalse");
  EXPECT_EQ(run("{{ x.get('a') }}{{ x.get('b', 2) }}{{ x.items() | length }}", x), "122");
  EXPECT_EQ(run("{{ none.a is defined }}{{ [1]['a'] is defined }}{{ strftime_now is defined }}"),
            "FalseFalseTrue");
}

TEST(Template, keys_of_mappings_are_all_texts_or_all_numbers) {
  EXPECT_EQ(
      run("{% set d = {0: 'a', 512: 'b', 0: 'c'} %}{{ d[512] }}{{ d.get(0) }}{{ d[1] is "
          "defined }}{{ '0' in d }}{{ 512 in d }}{{ d }}{% for k, v in d.items() %}{{ k + 1 }}"
          "{% endfor %}{{ d | tojson }}{{ d == {'0': 'c', '512': 'b'} }}"),
      "bcFalseFalseTrue{0: 'c', 512: 'b'}1513{\"0\": \"c\", \"512\": \"b\"}False");
  EXPECT_EQ(failure("{{ {1: 2, 'a': 3} }}"), ErrorCode::malformed);
}

TEST(Template, writes_the_time_it_is_given) {
  const Block block = *parse_template("{{ strftime_now('%d %b %Y %H:%M') }}");
  EXPECT_EQ(render(block, {}, 1767225845)->bytes, "01 Jan 2026 00:04");
  EXPECT_EQ(failure("{{ strftime_now('%Q') }}"), ErrorCode::malformed);
}

TEST(Template, tests_the_kind_of_a_value) {
  EXPECT_EQ(run("{{ 'a' is string }}{{ {} is mapping }}{{ none is none }}{{ 1 is not string }}"
                "{{ 'a' is mapping }}"),
            "TrueTrueTrueTrueFalse");
}

TEST(Template, names_the_line_of_an_error) {
  EXPECT_EQ(run("a\nb {{ 1 + 'x' }}"),
            "chat template, line 2: an operator does not work between values of type integer and "
            "string");
  EXPECT_EQ(run("\n\n{% if true %}"), "chat template, line 3: endif is missing");
  EXPECT_EQ(run("{{ raise_exception('roles must alternate') }}"),
            "chat template, line 1: the template refuses: roles must alternate");
  for (const char* source :
       {"{{", "{% for %}", "{{ 1 + }}", "{{ 'open }}", "{% macro x() %}", "{% endif %}",
        "{{ x | nosuch }}", "{{ x is nosuch }}", "{{ nosuch() }}", "{% break %}",
        "{{ {}.pop('a') }}", "{% set a.b = 1 %}", "{{ 1 // 0 }}", "{{ 9223372036854775807 + 1 }}",
        "{{ a..b }}"}) {
    EXPECT_EQ(failure(source), ErrorCode::malformed) << source;
  }
}

TEST(Template, is_stopped_by_its_limits) {
  EXPECT_EQ(
      failure("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"),
      ErrorCode::too_large);
  EXPECT_EQ(failure("{% set n = namespace(s='xxxxxxxx') %}{% for i in range(99) %}"
                    "{% set n.s = n.s ~ n.s %}{% endfor %}"),
            ErrorCode::too_large);
  EXPECT_EQ(failure("{% set n = namespace(l=[1]) %}{% for i in range(99) %}"
                    "{% set n.l = n.l + n.l %}{% endfor %}"),
            ErrorCode::too_large);
  EXPECT_EQ(failure("{{ 'x' * 99999999999 }}"), ErrorCode::malformed);
  EXPECT_EQ(failure("{{ " + std::string(100, '(') + "1" + std::string(100, ')') + " }}"),
            ErrorCode::malformed);
  std::string chain = "{{ 1";
  for (int i = 0; i < 20000; ++i) chain += "+1";
  EXPECT_EQ(failure(chain + " }}"), ErrorCode::malformed);
  EXPECT_EQ(failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), ErrorCode::too_large);
  EXPECT_EQ(failure("{% macro f() %}{% for x in [1, 2] %}{{ f() }}{% endfor %}{% endmacro %}"
                    "{{ f() }}"),
            ErrorCode::too_large);
  std::string blocks;
  for (int i = 0; i < 100; ++i) blocks += "{% if 1 %}";
  EXPECT_EQ(failure(blocks), ErrorCode::malformed);
  EXPECT_EQ(failure(std::string(kSourceBytesMax + 1, 'x')), ErrorCode::too_large);
}

std::string marks(std::string_view source, std::string_view variables) {
  const auto text = render_text(source, variables);
  if (text.is_error()) return text.error().message;
  std::string shown;
  for (const char mark : text->foreign) shown += mark != '\0' ? 'f' : '.';
  return shown;
}

TEST(Template, marks_foreign_text_through_every_operation) {
  const char* x = R"({"x":"ab"})";
  EXPECT_EQ(marks("1{{ x }}2", x), ".ff.");
  EXPECT_EQ(marks("{{ '<' + x ~ '>' }}", x), ".ff.");
  EXPECT_EQ(marks("{{ ('  ' ~ x ~ ' ') | trim | upper }}", x), "ff");
  EXPECT_EQ(marks("{{ [x, 'c'] | join('-') }}", x), "ff..");
  EXPECT_EQ(marks("{{ [x] | tojson }}", x), ".ffff.");
  EXPECT_EQ(marks("{{ (x ~ '-')[1:] }}{{ x * 2 }}", x), "f.ffff");
  EXPECT_EQ(marks("{% for k in d %}{{ k }}{% endfor %}", R"({"d":{"key":1}})"), "fff");
  EXPECT_EQ(marks("{{ 'a-b'.replace('-', x) }}{{ (x ~ '-c').split('-')[1] }}", x), ".ff..");
  EXPECT_EQ(marks("{% for c in x %}{{ c }}{% endfor %}{{ x | first }}", x), "fff");
  EXPECT_EQ(marks("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(x) }}", x), ".ff.");
  EXPECT_EQ(marks("{% set b %}-{{ x }}{% endset %}{{ b | title }}", x), ".ff");
  EXPECT_EQ(marks("{{ '<{}>'.format(x) }}{{ ('a\n' ~ x) | indent(1) }}", x), ".ff....ff");
  EXPECT_EQ(marks("{{ [x] }}{{ {'k': x} }}", x), "..ff.........ff..");
  EXPECT_EQ(marks("{{ ('a ' ~ x).split() | join('/') }}{{ x.rsplit('b')[0] }}", x), "..fff");
}

TEST(ChatTemplate, gives_tool_calls_their_arguments_as_an_object) {
  const auto made = ChatTemplate::create(
      "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments.a }}{% endfor %}"
      "{% endfor %}{{ tools is none }}{{ add_generation_prompt }}{{ bos_token }}",
      "<s>", "</s>");
  ASSERT_TRUE(made.is_ok());
  const auto messages = Json::parse(
      R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{\"a\":5}"}}]}])");
  EXPECT_EQ(made->render_chat(*messages, Json(), {})->bytes, "5TrueTrue<s>");
  EXPECT_EQ(made->render_chat(Json::array(), Json(), {}).error().code, ErrorCode::invalid_argument);
}

TEST(ChatTemplate, finds_what_a_message_thought_under_the_name_it_uses) {
  const auto messages = Json::parse(R"([{"role":"assistant","reasoning_content":"so"}])");
  for (const char* name : {".reasoning_content", ".thinking", "['reasoning']", ".thought"}) {
    const auto made =
        ChatTemplate::create("{{ messages[0]" + std::string(name) + " }}", "<s>", "</s>");
    ASSERT_TRUE(made.is_ok());
    EXPECT_EQ(made->render_chat(*messages, Json(), {})->bytes, "so") << name;
  }
}

}  // namespace
}  // namespace plinth::engine::templates
