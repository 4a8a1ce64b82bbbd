// SPDX-License-Identifier: Apache-2.0
// `plinth nodes …` and `plinth why`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/process.h"
#include "base/units.h"
#include "cli/node_client.h"
#include "cli/output.h"
#include "cli/run_view.h"
#include "cluster/inventory.h"
#include "guard/sandbox.h"

namespace plinth::cli::commands {

namespace {

void print_node(const Json& node) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& device : node["devices"].items()) {
    rows.push_back(
        {device["id"].as_string(), device["kind"].as_string(), device["name"].as_string(),
         format_bytes(static_cast<uint64_t>(device["memory_bytes_free"].as_int())) + " free of " +
             format_bytes(static_cast<uint64_t>(device["memory_bytes_total"].as_int()))});
  }
  print_table({"device", "kind", "what", "memory"}, rows);
  std::printf("sandbox: %s\n", node["sandbox"]["profile"].as_string().c_str());
  for (const Json& layer : node["sandbox"]["layers"].items()) {
    std::printf("  %-16s %s  %s\n", layer["name"].as_string().c_str(),
                layer["is_available"].as_bool() ? "in force" : "MISSING ",
                layer["detail"].as_string().c_str());
  }
}

void print_nodes(const Json& body) {
  for (const Json& node : body["nodes"].items()) {
    std::printf("node %s, version %s\n", node["id"].as_string().c_str(),
                node["version"].as_string().c_str());
    print_node(node);
  }
}

Result<Json> inspect_here() {
  SystemProcessSupervisor supervisor;
  const auto sandbox = TRY(guard::create_sandbox(supervisor));
  Json devices = Json::array();
  for (const auto& device : TRY(cluster::read_inventory())) devices.push(device.to_json());
  return Json::object({{"devices", std::move(devices)}, {"sandbox", sandbox->report().to_json()}});
}

std::string with_unit(const Json& span_ms) {
  return format_duration(std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(span_ms.as_double())));
}

void print_call(const Json& call) {
  const auto line = [](const char* what, const std::string& value) {
    std::printf("  %-14s %s\n", what, value.c_str());
  };
  const auto span = [&](const char* what, const Json& value) {
    if (!value.is_null()) line(what, with_unit(value));
  };
  std::printf("%s of model %s: %s\n", call["operation"].as_string().c_str(),
              call["model"].as_string().c_str(), call["state"].as_string().c_str());
  if (call.contains("admission")) line("admission", call["admission"].as_string());
  span("queue", call["queue_ms"]);
  for (const Json& attempt : call["attempts"].items()) {
    line("replica", attempt["replica"].as_string() + " after " + with_unit(attempt["after_ms"]) +
                        ": " + attempt["reason"].as_string());
    if (attempt.contains("failure")) line("", "failed: " + attempt["failure"].as_string());
  }
  if (call.contains("prompt_tokens")) {
    line("tokens", std::to_string(call["prompt_tokens"].as_int()) + " in, of these " +
                       std::to_string(call["cached_tokens"].as_int()) + " cached, " +
                       std::to_string(call["completion_tokens"].as_int()) + " out");
  }
  if (const Json& engine = call["engine"]; !engine.is_null()) {
    line("engine", with_unit(engine["queue_ms"]) + " until it joined the batch, prefill " +
                       with_unit(engine["prefill_ms"]) + " in " +
                       std::to_string(engine["prefill_chunks"].as_int()) + " chunks, decode " +
                       with_unit(engine["decode_ms"]));
  }
  span("first token", call["first_token_ms"]);
  span("output token", call["output_token_ms"]);
  span("duration", call["duration_ms"]);
  if (call.contains("reason")) line("ended", call["reason"].as_string());
  if (const Json& error = call["error"]; !error.is_null()) {
    line("failed", error["code"].as_string() + ": " + error["message"].as_string());
  }
}

void print_request(const Json& request) {
  std::printf("request %s of %s, came %s, policy took %s\n", request["id"].as_string().c_str(),
              request["principal"].as_string().c_str(), request["came"].as_string().c_str(),
              with_unit(request["policy_ms"]).c_str());
  for (const Json& call : request["calls"].items()) print_call(call);
}

void print_why(const Json& body) {
  if (body.contains("request")) print_request(body["request"]);
  if (body.contains("audit")) print_decision(body["audit"]);
  if (body.contains("run")) print_run(body["run"]);
  for (const Json& link : body["chain"].items()) {
    if (link.contains("entry")) print_run_entry(link);
    if (link.contains("audit")) print_decision(link["audit"]);
  }
}

}  // namespace

void nodes_list(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/nodes"), print_nodes); });
}

void nodes_here(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, inspect_here(), print_node); });
}

void why(CLI::App& app, Context& context) {
  auto id = std::make_shared<std::string>();
  app.add_option(
         "ID", *id,
         "a decision (dec_…), a run (run_…) or a request of a model (req_…, its x-request-id)")
      ->required();
  app.callback([&context, id] {
    show(context, NodeClient(context).get("/api/why/" + path_segment(*id)), print_why);
  });
}

}  // namespace plinth::cli::commands
