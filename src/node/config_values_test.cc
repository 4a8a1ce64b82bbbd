// SPDX-License-Identifier: Apache-2.0
// Values that would be accepted and then do nothing, or something else, are refused by name.
#include "node/config_values.h"

#include <gtest/gtest.h>

#include "node/node.h"

namespace plinth::node {
namespace {

TEST(ConfigValues, a_model_name_is_one_that_clients_can_ask_for) {
  for (const char* name : {"starter", "stories260K", "meta-llama/Llama-3.2:1b", "a+b@c"}) {
    EXPECT_TRUE(check_model_name(name).is_ok()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a b/../c"), std::string("../c"),
        std::string("a//b"), std::string("/a"), std::string("a/."), std::string("a\n"),
        std::string("plinth-lexical"), std::string(129, 'x')}) {
    const Status refused = check_model_name(name);
    ASSERT_TRUE(refused.is_error()) << name;
    EXPECT_EQ(refused.error().param, "name");
  }
}

TEST(ConfigValues, hosts_and_origins_are_no_patterns) {
  for (const char* host : {"node.example", "node.example:8443", "[::1]:7070", "192.0.2.1"}) {
    EXPECT_TRUE(check_host(host).is_ok()) << host;
  }
  for (const char* host : {"", "*", "*.example", "http://node.example", "a b"}) {
    EXPECT_TRUE(check_host(host).is_error()) << host;
  }
  for (const char* origin :
       {"https://app.example", "http://localhost:3000", "chrome-extension://abc"}) {
    EXPECT_TRUE(check_origin(origin).is_ok()) << origin;
  }
  for (const char* origin : {"", "*", "null", "app.example", "https://", "https://app.example/",
                             "https://*.example", "://a"}) {
    EXPECT_TRUE(check_origin(origin).is_error()) << origin;
  }
}

TEST(ConfigValues, a_document_is_refused_with_the_key_and_the_value) {
  for (const auto& [yaml, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"models: [{name: \"a b/../c\", path: x}]", "models[0]: name: 'a b/../c'"},
           {"models: [{name: plinth-lexical, path: x}]", "built-in embedder"},
           {"listen: {allowed_hosts: [\"*\"]}", "listen: allowed_hosts: '*'"},
           {"listen: {allowed_origins: [\"*\"]}", "listen: allowed_origins: '*'"},
           {"data: \"\"", "data"}}) {
    const auto config = parse_config(yaml, "");
    ASSERT_TRUE(config.is_error()) << yaml;
    EXPECT_NE(config.error().message.find(wanted), std::string::npos) << config.error().message;
  }
}

TEST(ConfigValues, a_node_refuses_them_too_before_it_makes_its_folder) {
  NodeConfig config;
  config.data_folder = "/nowhere/at/all";
  config.allowed_hosts = {"*"};
  const auto node = Node::start(config);
  ASSERT_TRUE(node.is_error());
  EXPECT_EQ(node.error().param, "allowed_hosts");
}

}  // namespace
}  // namespace plinth::node
