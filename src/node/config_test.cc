// SPDX-License-Identifier: Apache-2.0
#include "node/config.h"

#include <gtest/gtest.h>

namespace plinth::node {
namespace {

TEST(Config, reads_every_section) {
  const auto config = parse_config(R"(
version: 1
data: state
listen: {host: 127.0.0.1, port: 8080, allowed_hosts: [plinth.example]}
log: {level: warning}
models:
  - {name: tiny, path: tiny.gguf, threads: 2, adapters: {sql: lora/sql.gguf}}
  - {name: big, url: "https://models.example/v1", upstream_model: big-1}
  - {name: far, url: "https://models.example/v1", upstream_api: anthropic}
routes:
  - {name: chat, models: {big: 9, tiny: 1}, fallbacks: [far]}
admission: {queue_max: 7, queue_wait_max: 5s}
telemetry: {vllm_aliases: true}
agents: {files: [a.yaml]}
)",
                                   "/etc/plinth");
  ASSERT_TRUE(config.is_ok()) << config.error().message;
  EXPECT_EQ(config->data_folder, "/etc/plinth/state");
  EXPECT_EQ(config->listen_port, 8080);
  EXPECT_EQ(config->models.at(0).path, "/etc/plinth/tiny.gguf");
  ASSERT_EQ(config->models.at(0).adapters.size(), 1u);
  EXPECT_EQ(config->models.at(0).adapters[0].name, "sql");
  EXPECT_EQ(config->models.at(0).adapters[0].path, "/etc/plinth/lora/sql.gguf");
  EXPECT_EQ(config->models.at(1).kind, serving::ReplicaKind::upstream);
  EXPECT_EQ(config->models.at(1).upstream_api, serving::UpstreamApi::openai);
  EXPECT_EQ(config->models.at(2).upstream_api, serving::UpstreamApi::anthropic);
  ASSERT_EQ(config->routes.size(), 1u);
  ASSERT_EQ(config->routes[0].targets.size(), 2u);
  EXPECT_EQ(config->routes[0].targets[0].model, "big");
  EXPECT_EQ(config->routes[0].targets[0].weight, 9);
  EXPECT_EQ(config->routes[0].fallbacks, std::vector<std::string>{"far"});
  EXPECT_EQ(config->metric_aliases, telemetry::Aliases::vllm);
  EXPECT_EQ(config->admission.queue_max, 7);
  EXPECT_EQ(config->admission.queue_wait_max, std::chrono::seconds(5));
  EXPECT_EQ(config->agent_files.at(0), "/etc/plinth/a.yaml");
}

TEST(Config, an_empty_document_is_the_standard_one) {
  const auto config = parse_config("", "");
  ASSERT_TRUE(config.is_ok());
  EXPECT_EQ(config->listen_host, "127.0.0.1");
  EXPECT_EQ(config->listen_port, 7070);
}

TEST(Config, names_the_unknown_key_and_what_is_allowed) {
  for (const auto& [yaml, key] : std::vector<std::pair<std::string, std::string>>{
           {"listn: {}", "listn"},
           {"listen: {hst: x}", "listen: unknown key 'hst'"},
           {"models: [{name: a, path: b, gpu: 1}]", "models[0]: unknown key 'gpu'"},
           {"routes: [{name: a, model: b}]", "routes[0]: unknown key 'model'"}}) {
    const auto config = parse_config(yaml, "");
    ASSERT_TRUE(config.is_error()) << yaml;
    EXPECT_NE(config.error().message.find(key), std::string::npos) << config.error().message;
    EXPECT_NE(config.error().message.find("allowed"), std::string::npos);
  }
}

TEST(Config, refuses_a_newer_version_and_values_out_of_range) {
  EXPECT_EQ(parse_config("version: 2", "").error().code, ErrorCode::unsupported);
  EXPECT_TRUE(parse_config("listen: {port: 70000}", "").is_error());
  EXPECT_TRUE(parse_config("log: {level: loud}", "").is_error());
  EXPECT_TRUE(parse_config("models: [{name: a}]", "").is_error());
  EXPECT_TRUE(parse_config("routes: [{name: a}]", "").is_error());
  for (const char* adapters : {"{a:b: c}", "{a: 7}", "[a]", "{'': c}"}) {
    const auto config =
        parse_config("models: [{name: a, path: b, adapters: " + std::string(adapters) + "}]", "");
    EXPECT_TRUE(config.is_error()) << adapters;
  }
  EXPECT_TRUE(
      parse_config("models: [{name: a, url: 'http://x/v1', adapters: {b: c}}]", "").is_error());
  EXPECT_TRUE(parse_config("routes: [{name: a, models: {b: much}}]", "").is_error());
  EXPECT_TRUE(parse_config("models: [{name: a, url: u, upstream_api: grpc}]", "").is_error());
  EXPECT_TRUE(parse_config("models: [{name: a, url: u, api_key_env: PLINTH_NOT_SET_ANYWHERE}]", "")
                  .is_error());
}

TEST(Config, reads_listen_addresses) {
  NodeConfig config;
  ASSERT_TRUE(parse_listen("[::1]:0", config).is_ok());
  EXPECT_EQ(config.listen_host, "::1");
  EXPECT_EQ(config.listen_port, 0);
  EXPECT_TRUE(parse_listen("localhost", config).is_error());
  EXPECT_TRUE(parse_listen("localhost:99999", config).is_error());
}

TEST(Config, the_schema_names_every_key_of_the_table) {
  const std::string schema = config_schema().dump();
  for (const ConfigKey& key : config_keys()) {
    const std::string leaf(key.name.substr(key.name.find_last_of('.') + 1));
    EXPECT_NE(schema.find("\"" + leaf + "\""), std::string::npos) << key.name;
  }
}

}  // namespace
}  // namespace plinth::node
