// SPDX-License-Identifier: Apache-2.0
// The policy language: what conditions mean, what is an error, what decides.
#include "guard/policy.h"

#include <gtest/gtest.h>

namespace plinth::guard {
namespace {

PolicyQuery make_query(Json context = Json::object()) {
  PolicyQuery query;
  query.principal = {"Principal", "alice"};
  query.action = {"Action", "tool.call"};
  query.resource = {"Tool", "write_file"};
  query.context = std::move(context);
  query.entities = {
      {query.principal,
       Json::object({{"tenant", "acme"}, {"roles", Json::array_of({"user"})}, {"level", 3}}),
       {{"Role", "user"}}},
      {{"Role", "user"}, Json::object(), {{"Role", "everyone"}}},
      {{"Role", "everyone"}, Json::object(), {{"Role", "user"}}},  // a cycle
      {query.resource, Json::object({{"id", "write_file"}}), {}}};
  return query;
}

PolicySet parse(const std::string& text) {
  auto policies = PolicySet::parse(text);
  EXPECT_TRUE(policies.is_ok()) << policies.error().message << "\n" << text;
  return policies.is_ok() ? std::move(*policies) : *PolicySet::parse("");
}

// "true", "false" or the error of a condition.
std::string outcome(const std::string& condition, Json context = Json::object()) {
  const PolicyAnswer answer =
      parse("permit (principal, action, resource) when { " + condition + " };")
          .evaluate(make_query(std::move(context)));
  if (!answer.errors.empty()) return answer.errors.front();
  return answer.is_allowed ? "true" : "false";
}

void expect_error(const std::string& condition, const std::string& cause) {
  const std::string got = outcome(condition);
  EXPECT_NE(got.find(cause), std::string::npos) << condition << " gave " << got;
}

TEST(Policy, nothing_is_allowed_without_a_permit) {
  EXPECT_FALSE(parse("").evaluate(make_query()).is_allowed);
  const PolicyAnswer answer =
      parse("permit (principal == Principal::\"bob\", action, resource);").evaluate(make_query());
  EXPECT_FALSE(answer.is_allowed);
  EXPECT_TRUE(answer.determining.empty());
}

TEST(Policy, a_forbid_wins_over_every_permit_and_says_so) {
  const PolicyAnswer answer = parse(R"(
    @id("open") permit (principal, action, resource);
    @id("closed") forbid (principal, action, resource) when { context.risky };
    @id("other") permit (principal, action, resource);)")
                                  .evaluate(make_query(Json::object({{"risky", true}})));
  EXPECT_FALSE(answer.is_allowed);
  EXPECT_TRUE(answer.has_permit);
  EXPECT_EQ(answer.determining, std::vector<std::string>{"closed"});
}

TEST(Policy, every_satisfied_permit_is_named) {
  const PolicyAnswer answer = parse(R"(
    permit (principal, action, resource);
    @id("second") permit (principal, action, resource) unless { false };
    permit (principal, action, resource) when { false };)")
                                  .evaluate(make_query());
  EXPECT_TRUE(answer.is_allowed);
  EXPECT_EQ(answer.determining, (std::vector<std::string>{"policy0", "second"}));
}

TEST(Policy, a_permit_that_fails_is_skipped_and_reported) {
  const PolicyAnswer answer = parse(R"(
    @id("broken") permit (principal, action, resource) when { context.missing };)")
                                  .evaluate(make_query());
  EXPECT_FALSE(answer.is_allowed);
  ASSERT_EQ(answer.errors.size(), 1u);
  EXPECT_EQ(answer.errors.front(), "broken: the record has no attribute 'missing'");
}

TEST(Policy, a_forbid_that_fails_counts_as_matching) {
  const PolicyAnswer answer = parse(R"(
    permit (principal, action, resource);
    @id("broken") forbid (principal, action, resource) when { context.missing == 1 };)")
                                  .evaluate(make_query());
  EXPECT_FALSE(answer.is_allowed);
  EXPECT_EQ(answer.determining, std::vector<std::string>{"broken"});
  EXPECT_EQ(answer.errors.size(), 1u);
}

TEST(Policy, a_forbid_whose_head_does_not_match_cannot_fail) {
  const PolicyAnswer answer = parse(R"(
    permit (principal, action, resource);
    forbid (principal, action == Action::"model.call", resource) when { context.missing };)")
                                  .evaluate(make_query());
  EXPECT_TRUE(answer.is_allowed);
}

TEST(Policy, heads_match_by_identity_type_and_hierarchy) {
  const auto allows = [](const std::string& head) {
    return parse("permit (" + head + ");").evaluate(make_query()).is_allowed;
  };
  EXPECT_TRUE(allows(R"(principal == Principal::"alice", action, resource)"));
  EXPECT_TRUE(allows(R"(principal in Role::"user", action, resource)"));
  EXPECT_TRUE(allows(R"(principal in Role::"everyone", action, resource)"));
  EXPECT_FALSE(allows(R"(principal in Role::"operator", action, resource)"));
  EXPECT_TRUE(allows(R"(principal in Principal::"alice", action, resource)"));
  EXPECT_TRUE(allows(R"(principal is Principal, action, resource is Tool)"));
  EXPECT_TRUE(allows(R"(principal is Principal in Role::"user", action, resource)"));
  EXPECT_FALSE(allows(R"(principal is Agent in Role::"user", action, resource)"));
  EXPECT_TRUE(allows(R"(principal, action == Action::"tool.call", resource)"));
  EXPECT_TRUE(allows(R"(principal, action in [Action::"x", Action::"tool.call"], resource)"));
  EXPECT_FALSE(allows(R"(principal, action in [], resource)"));
  EXPECT_TRUE(allows(R"(principal, action, resource == Tool::"write_file",)"));
}

TEST(Policy, compares_values_of_any_type_for_equality) {
  EXPECT_EQ(outcome("1 == 1 && 1 != 2 && \"a\" == \"a\" && true != false"), "true");
  EXPECT_EQ(outcome("1 == \"1\""), "false");
  EXPECT_EQ(outcome("[1, 2, 2] == [2, 1]"), "true");
  EXPECT_EQ(outcome("{a: 1, \"b\": [true]} == {b: [true], a: 1}"), "true");
  EXPECT_EQ(outcome("principal == Principal::\"alice\" && principal != resource"), "true");
}

TEST(Policy, compares_only_longs_in_order) {
  EXPECT_EQ(outcome("1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2 && !(2 < 2)"), "true");
  expect_error("1 < \"2\"", "type error: expected long, got string");
  expect_error("\"a\" < \"b\"", "type error");
  expect_error("true >= false", "type error");
}

TEST(Policy, arithmetic_is_exact_and_overflow_is_an_error) {
  EXPECT_EQ(outcome("1 + 2 * 3 - 4 == 3 && (1 + 2) * 3 == 9 && 2 - 3 - 4 == -5"), "true");
  EXPECT_EQ(outcome("-9223372036854775808 < 0 && - 1 == -1 && --1 == 1"), "true");
  expect_error("9223372036854775807 + 1 == 0", "overflow");
  expect_error("-9223372036854775807 - 2 == 0", "overflow");
  expect_error("4611686018427387904 * 2 == 0", "overflow");
  expect_error("-(-9223372036854775808) == 0", "overflow");
  EXPECT_TRUE(PolicySet::parse("permit(principal,action,resource) when {9223372036854775808 == 0};")
                  .is_error());
}

TEST(Policy, and_and_or_stop_early_and_want_booleans) {
  EXPECT_EQ(outcome("true || context.missing"), "true");
  EXPECT_EQ(outcome("false && context.missing"), "false");
  expect_error("true && context.missing", "missing");
  expect_error("1 && true", "expected bool, got long");
  expect_error("false || 1", "expected bool, got long");
  expect_error("1", "expected bool, got long");
  expect_error("!1", "expected bool, got long");
}

TEST(Policy, if_evaluates_only_the_branch_it_takes) {
  EXPECT_EQ(outcome("if context has x then context.x else true"), "true");
  EXPECT_EQ(outcome("(if 1 < 2 then 10 else context.missing) == 10"), "true");
  expect_error("if 1 then true else false", "expected bool");
}

TEST(Policy, has_and_attributes_work_on_records_and_entities) {
  const Json context = Json::object({{"label", Json::object({{"is_trusted", false}})}});
  EXPECT_EQ(outcome("context has label && context has \"label\" && !(context has sink)", context),
            "true");
  EXPECT_EQ(outcome("context has label.is_trusted && !(context has label.x.y)", context), "true");
  EXPECT_EQ(outcome("context[\"label\"].is_trusted == false", context), "true");
  EXPECT_EQ(outcome("principal.tenant == \"acme\" && principal has level"), "true");
  EXPECT_EQ(outcome("Principal::\"nobody\" has tenant"), "false");
  expect_error("Principal::\"nobody\".tenant == \"x\"", "Principal::\"nobody\" has no attribute");
  expect_error("1 has x", "expected record or entity");
  expect_error("\"text\".length == 1", "expected record or entity");
}

TEST(Policy, in_and_is_follow_the_hierarchy) {
  EXPECT_EQ(outcome("principal in Role::\"everyone\""), "true");
  EXPECT_EQ(outcome("principal in [Role::\"operator\", Role::\"user\"]"), "true");
  EXPECT_EQ(outcome("Role::\"everyone\" in Principal::\"alice\""), "false");
  EXPECT_EQ(outcome("principal is Principal && !(principal is Tool)"), "true");
  EXPECT_EQ(outcome("principal is Principal in Role::\"user\""), "true");
  expect_error("principal in [1]", "expected entity, got long");
  expect_error("principal in \"user\"", "expected entity or set of entities");
  expect_error("\"a\" in principal", "expected entity, got string");
}

TEST(Policy, sets_contain) {
  EXPECT_EQ(outcome("principal.roles.contains(\"user\") && ![].contains(1)"), "true");
  EXPECT_EQ(outcome("[1, 2, 3].containsAll([1, 3]) && [1].containsAll([])"), "true");
  EXPECT_EQ(outcome("[1, 2].containsAny([2, 9]) && ![1].containsAny([])"), "true");
  EXPECT_EQ(outcome("[].isEmpty() && ![1].isEmpty()"), "true");
  expect_error("context.contains(1)", "expected set, got record");
  expect_error("[1].containsAll(1)", "expected set, got long");
}

TEST(Policy, like_matches_whole_texts_with_wildcards) {
  EXPECT_EQ(outcome(R"("total.txt" like "*.txt" && "total.txt" like "t*t" && "" like "*")"),
            "true");
  EXPECT_EQ(outcome(R"("total.txt" like "total" || "a" like "")"), "false");
  EXPECT_EQ(outcome(R"("a*b" like "a\*b" && !("axb" like "a\*b"))"), "true");
  EXPECT_EQ(outcome(R"("abcabc" like "*bc" && "abcabc" like "a*b*c" && !("ab" like "ab*b"))"),
            "true");
  expect_error("1 like \"*\"", "expected string");
}

TEST(Policy, strings_have_escapes) {
  EXPECT_EQ(outcome(R"("\x41\u{e9}\n" == "Aé
")"),
            "true");
  for (const char* text :
       {R"("\q")", R"("\x80")", R"("\u{110000}")", R"("\u{D800}")", R"("\u{}")"}) {
    EXPECT_TRUE(PolicySet::parse(std::string("permit(principal,action,resource) when {") + text +
                                 " == \"\"};")
                    .is_error())
        << text;
  }
}

TEST(Policy, extension_types_work) {
  EXPECT_EQ(outcome("ip(\"10.1.2.3\").isInRange(ip(\"10.0.0.0/8\"))"), "true");
  EXPECT_EQ(outcome("ip(\"127.0.0.1\").isLoopback() && ip(\"::1\").isIpv6()"), "true");
  EXPECT_EQ(outcome("decimal(\"0.85\").greaterThan(decimal(\"0.8\"))"), "true");
  EXPECT_EQ(outcome("context.score.greaterThan(decimal(\"0.8\"))", Json::object({{"score", 0.93}})),
            "true");
  EXPECT_EQ(outcome("datetime(\"2026-01-02\") > datetime(\"2026-01-01T23:59:59Z\")"), "true");
  EXPECT_EQ(outcome("datetime(\"2026-01-02\").durationSince(datetime(\"2026-01-01\")) == "
                    "duration(\"24h\")"),
            "true");
  expect_error("ip(\"300.1.1.1\").isIpv4()", "ip:");
  expect_error("decimal(\"1\").lessThan(decimal(\"1.0\"))", "decimal:");
}

TEST(Policy, facts_cannot_forge_entities) {
  const Json forged = Json::object(
      {{"who",
        Json::object({{"__entity", Json::object({{"type", "Role"}, {"id", "operator"}})}})}});
  EXPECT_EQ(outcome("context.who == Role::\"operator\"", forged), "false");
}

TEST(Policy, missing_and_null_facts_are_the_same) {
  EXPECT_EQ(outcome("context has x", Json::object({{"x", nullptr}})), "false");
}

TEST(Policy, summaries_carry_annotations_and_source) {
  const PolicySet policies = parse(R"(@id("one") @reason("because") @flag
permit (principal, action, resource);)");
  const auto summaries = policies.summaries();
  ASSERT_EQ(summaries.size(), 1u);
  EXPECT_EQ(summaries[0].id, "one");
  EXPECT_EQ(summaries[0].effect, "permit");
  ASSERT_EQ(summaries[0].annotations.size(), 3u);
  EXPECT_EQ(summaries[0].annotations[1].value, "because");
  EXPECT_EQ(summaries[0].annotations[2].value, "");
  EXPECT_TRUE(summaries[0].text.starts_with("@id(\"one\")"));
  EXPECT_TRUE(summaries[0].text.ends_with(";"));
  EXPECT_NE(policies.find("one"), nullptr);
  EXPECT_EQ(policies.find("two"), nullptr);
}

TEST(Policy, errors_name_line_and_column) {
  const auto policies = PolicySet::parse("permit (principal, action, resource)\n  when { 1 + };");
  ASSERT_TRUE(policies.is_error());
  EXPECT_EQ(policies.error().code, ErrorCode::malformed);
  EXPECT_NE(policies.error().message.find("line 2, column 14"), std::string::npos)
      << policies.error().message;
}

TEST(Policy, refuses_what_is_not_in_the_language) {
  for (const char* text : {
           "permit (principal, action, resource)",
           "allow (principal, action, resource);",
           "permit (principal, action);",
           "permit (principal == ?principal, action, resource);",
           "permit (principal, action, resource) when { a };",
           "permit (principal, action, resource) when { foo(1) };",
           "permit (principal, action, resource) when { context.foo(1) };",
           "permit (principal, action, resource) when { 1 < 2 < 3 };",
           "permit (principal, action, resource) when { {a: 1, a: 2} == {} };",
           "permit (principal, action, resource) when { \"open };",
           "permit (principal, action, resource) when { !!!!!true };",
           "permit (principal, action, resource) when { [1].contains() };",
           "@id(\"a\") @id(\"b\") permit (principal, action, resource);",
           "@id(\"a\") permit (principal, action, resource); @id(\"a\") forbid (principal, action, "
           "resource);",
           "@id(\"\") permit (principal, action, resource);",
           "permit (principal, action, resource) when { principal.if };",
           "permit (principal, action, resource); #",
           "permit (principal, action, resource) when { \"\xff\" == \"\" };",
       }) {
    EXPECT_TRUE(PolicySet::parse(text).is_error()) << text;
  }
}

TEST(Policy, nesting_and_size_are_bounded) {
  const auto with = [](const std::string& condition) {
    return PolicySet::parse("permit (principal, action, resource) when { " + condition + " };");
  };
  const auto repeat = [](const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  EXPECT_TRUE(with(repeat("(", 50) + "true" + repeat(")", 50)).is_ok());
  EXPECT_TRUE(with(repeat("(", 100'000) + "true").is_error());
  EXPECT_TRUE(with(repeat("[", 100'000)).is_error());
  EXPECT_TRUE(with("context" + repeat(".a", 100'000)).is_error());
  EXPECT_TRUE(with("1" + repeat(" + 1", 100'000) + " == 1").is_error());
  EXPECT_TRUE(with(repeat("if ", 100'000)).is_error());
  EXPECT_TRUE(with("true" + repeat(" && true", 50'000)).is_ok());
  EXPECT_EQ(PolicySet::parse(std::string(PolicySet::kTextBytesMax + 1, ' ')).error().code,
            ErrorCode::too_large);
}

}  // namespace
}  // namespace plinth::guard
