// SPDX-License-Identifier: Apache-2.0
// Agent files: what is written is what is read, and every mistake is named.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agents/agents.h"
#include "base/units.h"

namespace plinth::agents {
namespace {

std::string fault(std::string_view yaml) {
  const auto agent = parse_agent(yaml);
  return agent.is_ok() ? "" : agent.error().message;
}

TEST(AgentYaml, a_whole_file_is_read) {
  const auto agent = parse_agent(R"(
version: 1
name: accountant
model: starter
system: You add up numbers.
tools: [read_file, calculate, write_file]
space: books
workspace: /srv/books
budget: {steps_max: 12, tokens_max: 5000, time_max: 90s}
on_unknown: fail
http_hosts: ["Example.org:443", "127.0.0.1:8080"]
)");
  ASSERT_TRUE(agent.is_ok()) << agent.error().message;
  EXPECT_EQ(agent->name, "accountant");
  EXPECT_EQ(agent->tools, (std::vector<std::string>{"read_file", "calculate", "write_file"}));
  EXPECT_EQ(agent->space, "books");
  EXPECT_EQ(agent->budget.steps_max, 12);
  EXPECT_EQ(agent->budget.tokens_max, 5000);
  EXPECT_EQ(to_ms(agent->budget.time_max), 90'000);
  EXPECT_EQ(agent->on_unknown, OnUnknown::fail);
  EXPECT_EQ(agent->http_hosts, (std::vector<std::string>{"example.org:443", "127.0.0.1:8080"}));
  const auto again = agent_from_json(agent->to_json());
  ASSERT_TRUE(again.is_ok()) << again.error().message;
  EXPECT_EQ(again->to_json(), agent->to_json());
}

TEST(AgentYaml, everything_but_version_and_name_has_a_default) {
  const auto agent = parse_agent("version: 1\nname: a\n");
  ASSERT_TRUE(agent.is_ok());
  EXPECT_EQ(agent->space, "a");
  EXPECT_EQ(agent->budget.steps_max, 32);
  EXPECT_EQ(agent->on_unknown, OnUnknown::ask);
  EXPECT_TRUE(agent->tools.empty());
}

TEST(AgentYaml, mistakes_are_named_with_what_is_allowed) {
  EXPECT_EQ(fault("version: 2\nname: a"), "agent: version: expected 1, got 2");
  EXPECT_EQ(fault("name: a"), "agent: version: expected 1, got null");
  EXPECT_NE(fault("version: 1").find("agent: name: expected 1 to 64"), std::string::npos);
  EXPECT_NE(fault("version: 1\nname: A b").find("got 'A b'"), std::string::npos);
  EXPECT_EQ(fault("version: 1\nname: a\ntool: [x]"),
            "agent: tool: unknown key; allowed are version, name, model, system, tools, space, "
            "workspace, budget, on_unknown, http_hosts");
  EXPECT_EQ(fault("version: 1\nname: a\nbudget: {steps: 3}"),
            "agent: budget.steps: unknown key; allowed are steps_max, tokens_max, time_max");
  EXPECT_EQ(fault("version: 1\nname: a\nbudget: {steps_max: 0}"),
            "agent: budget.steps_max: expected an integer from 1 to 10000, got 0");
  EXPECT_NE(fault("version: 1\nname: a\nbudget: {time_max: 5}").find("30s or 10m, got 5"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: a\ntools: [shell]").find("unknown tool \"shell\"; this node"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: a\ntools: [recall, recall]").find("listed twice"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: a\non_unknown: maybe").find("ask, retry or fail, got 'maybe'"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: a\nhttp_hosts: [example.org]").find("expected host:port"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: a\nworkspace: files").find("absolute path, got 'files'"),
            std::string::npos);
  EXPECT_NE(fault("version: 1\nname: [a]").find("expected a text, got array"), std::string::npos);
  EXPECT_FALSE(fault("- a").empty());
  EXPECT_FALSE(fault("").empty());
  EXPECT_NE(fault(std::string(70'000, '#')).find("limit is 65536"), std::string::npos);
}

TEST(AgentYaml, every_example_is_an_agent) {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(PLINTH_SOURCE_DIR "/examples")) {
    if (file.path().extension() != ".yaml") continue;
    std::ifstream stream(file.path());
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    EXPECT_EQ(fault(text), "") << file.path();
    ++count;
  }
  EXPECT_GE(count, 3);
}

// The schema is for editors; it must not promise other keys than the reader takes.
TEST(AgentYaml, the_published_schema_names_the_same_keys) {
  std::ifstream stream(PLINTH_SOURCE_DIR "/docs/schema/agent.json");
  const auto schema = Json::parse(std::string((std::istreambuf_iterator<char>(stream)), {}));
  ASSERT_TRUE(schema.is_ok()) << schema.error().message;
  const std::string all = fault("version: 1\nname: a\nnone: 1");
  const std::string allowed = all.substr(all.find("allowed are ") + 12);
  std::string named;
  for (const auto& [key, value] : (*schema)["properties"].members()) {
    named += (named.empty() ? "" : ", ") + key;
  }
  EXPECT_EQ(named, allowed);
  EXPECT_FALSE((*schema)["additionalProperties"].as_bool(true));
}

}  // namespace
}  // namespace plinth::agents
