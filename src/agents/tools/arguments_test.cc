// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/arguments.h"

#include <gtest/gtest.h>

#include "agents/run/state.h"
#include "agents/tools/catalog.h"

namespace plinth::agents {
namespace {

std::string fault(std::string_view tool, std::string_view text) {
  const auto arguments = parse_arguments(*find_tool(tool), text);
  return arguments.is_ok() ? "" : arguments.error().message;
}

TEST(Arguments, that_fit_the_schema_are_taken) {
  EXPECT_EQ(fault("read_file", R"({"path":"a.txt"})"), "");
  EXPECT_EQ(fault("recall", R"({"query":"x","limit":3})"), "");
  EXPECT_EQ(fault("list_files", ""), "");
  EXPECT_EQ(fault("list_files", "{}"), "");
}

TEST(Arguments, that_do_not_fit_are_refused_with_words_for_the_model) {
  EXPECT_NE(fault("read_file", "{path: a.txt}").find("not valid JSON"), std::string::npos);
  EXPECT_EQ(fault("read_file", "[]"), "arguments of read_file: expected an object, got array");
  EXPECT_EQ(fault("read_file", "{}"), "arguments of read_file: 'path' is missing");
  EXPECT_EQ(fault("read_file", R"({"path":7})"),
            "arguments of read_file: path: expected a string, got number");
  EXPECT_EQ(fault("write_file", R"({"path":"a","content":"b","mode":"x"})"),
            "arguments of write_file: unknown argument 'mode'; allowed are path, content");
  EXPECT_EQ(fault("recall", R"({"query":"x","limit":0})"),
            "arguments of recall: limit: expected an integer from 1 to 20, got 0");
  EXPECT_EQ(fault("recall", R"({"query":"x","limit":"3"})"),
            "arguments of recall: limit: expected an integer from 1 to 20, got \"3\"");
  EXPECT_NE(fault("read_file", R"({"path":"a\u0000b"})").find("NUL"), std::string::npos);
  EXPECT_NE(fault("http_get", R"({"url":")" + std::string(5000, 'x') + R"("})").find("4096"),
            std::string::npos);
  EXPECT_NE(fault("write_file", std::string(kArgumentsBytesMax + 1, ' ')).find("65536"),
            std::string::npos);
}

TEST(Arguments, every_tool_of_the_catalog_can_be_offered_and_found) {
  for (const auto& row : tool_table()) {
    EXPECT_EQ(find_tool(row.name), &row);
    const auto spec = tool_spec(row);
    EXPECT_EQ(spec.parameters["type"].as_string(), "object");
    EXPECT_FALSE(spec.description.empty());
    for (const auto& parameter : row.parameters) {
      EXPECT_TRUE(spec.parameters["properties"].contains(parameter.name));
    }
    if (!row.sink_parameter.empty()) {
      EXPECT_TRUE(spec.parameters["properties"].contains(row.sink_parameter)) << row.name;
    }
    // No confined process has a network.
    EXPECT_FALSE(row.needs_sandbox && row.effect == ToolEffect::network) << row.name;
  }
  EXPECT_EQ(find_tool("run_command"), nullptr);
}

}  // namespace
}  // namespace plinth::agents
