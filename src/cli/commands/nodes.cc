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

void print_why(const Json& body) {
  if (body.contains("audit")) print_decision(body["audit"]);
  if (body.contains("run")) print_run(body["run"]);
  for (const Json& link : body["chain"].items()) {
    print_run_entry(link);
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
  app.add_option("ID", *id, "a decision (dec_…) or a run (run_…)")->required();
  app.callback([&context, id] {
    show(context, NodeClient(context).get("/api/why/" + path_segment(*id)), print_why);
  });
}

}  // namespace plinth::cli::commands
