// SPDX-License-Identifier: Apache-2.0
// `plinth run AGENT GOAL` starts a run and follows its journal; `plinth runs …` looks at runs and
// steers them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>

#include "cli/node_client.h"
#include "cli/output.h"
#include "cli/run_view.h"

namespace plinth::cli::commands {

namespace {

constexpr int64_t kDelayMsMax = 366LL * 24 * 3600 * 1000;  // as the API takes it
constexpr auto kPollInterval = std::chrono::milliseconds(200);

struct RunOptions {
  std::string agent;
  std::string goal;
  std::string key;
  int64_t delay_ms = 0;
  bool is_detached = false;
};

// Follows until the run ends or waits for a person. Prints each entry once.
Result<Json> follow(const NodeClient& node, const std::string& id, bool is_quiet) {
  uint64_t after = 0;
  for (;;) {
    const Json run = TRY(node.get("/api/runs/" + path_segment(id)));
    const Json page =
        TRY(node.get("/api/runs/" + path_segment(id) + "/entries?after=" + std::to_string(after)));
    for (const Json& entry : page["entries"].items()) {
      after = static_cast<uint64_t>(entry["sequence"].as_int());
      if (!is_quiet) print_run_entry(entry);
    }
    const std::string& state = run["state"].as_string();
    if (state != "running" && state != "waiting_timer") return run;
    std::this_thread::sleep_for(kPollInterval);
  }
}

void run_and_follow(Context& context, const RunOptions& options) {
  const NodeClient node(context);
  Json body = Json::object({{"agent", options.agent}, {"goal", options.goal}});
  if (!options.key.empty()) body.set("idempotency_key", options.key);
  if (options.delay_ms > 0) body.set("delay_ms", options.delay_ms);
  auto started = node.post("/api/runs", body);
  if (started.is_error()) return fail(context, started.error());
  const std::string id = (*started)["id"].as_string();
  if (options.is_detached) return show(context, started, print_run);
  if (!context.is_json) std::printf("run %s\n", id.c_str());
  auto run = follow(node, id, context.is_json);
  if (run.is_error()) return fail(context, run.error());
  show(context, run, print_run);
  const std::string& state = (*run)["state"].as_string();
  if (state == "failed" || state == "cancelled") context.exit_code = 1;
}

void print_runs(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& run : body["runs"].items()) {
    rows.push_back({run["id"].as_string(), run["agent"].as_string(), run["state"].as_string(),
                    std::to_string(run["steps"].as_int()), run["goal"].as_string()});
  }
  print_table({"run", "agent", "state", "steps", "goal"}, rows);
}

void print_journal(const Json& body) {
  for (const Json& entry : body["entries"].items()) print_run_entry(entry);
}

// Declares the RUN argument and calls `act` with it.
void on_run(CLI::App& app, Context& context,
            Result<Json> (*act)(const NodeClient&, const std::string&),
            void (*print)(const Json&)) {
  auto id = std::make_shared<std::string>();
  app.add_option("RUN", *id, "id of the run")->required();
  app.callback([&context, id, act, print] { show(context, act(NodeClient(context), *id), print); });
}

}  // namespace

void run(CLI::App& app, Context& context) {
  auto options = std::make_shared<RunOptions>();
  app.add_option("AGENT", options->agent, "name of the agent")->required();
  app.add_option("GOAL", options->goal, "what it should do")->required();
  app.add_option("--idempotency-key", options->key, "the same key again returns the first run");
  app.add_option("--delay-ms", options->delay_ms, "start by a durable timer")
      ->check(CLI::Range(int64_t{0}, kDelayMsMax));
  app.add_flag("--detach", options->is_detached, "do not follow");
  app.callback([&context, options] { run_and_follow(context, *options); });
}

void runs_list(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/runs"), print_runs); });
}

void runs_show(CLI::App& app, Context& context) {
  on_run(
      app, context,
      [](const NodeClient& node, const std::string& id) {
        return node.get("/api/runs/" + path_segment(id));
      },
      print_run);
}

void runs_journal(CLI::App& app, Context& context) {
  struct Options {
    std::string id;
    uint64_t after = 0;
  };
  auto options = std::make_shared<Options>();
  app.add_option("RUN", options->id, "id of the run")->required();
  app.add_option("--after", options->after, "only entries after this sequence");
  app.callback([&context, options] {
    show(context,
         NodeClient(context).get("/api/runs/" + path_segment(options->id) +
                                 "/entries?limit=1000&after=" + std::to_string(options->after)),
         print_journal);
  });
}

void runs_cancel(CLI::App& app, Context& context) {
  on_run(
      app, context,
      [](const NodeClient& node, const std::string& id) {
        return node.post("/api/runs/" + path_segment(id) + "/cancel", Json::object());
      },
      print_run);
}

void runs_approve(CLI::App& app, Context& context) {
  struct Options {
    std::string id;
    bool is_refused = false;
  };
  auto options = std::make_shared<Options>();
  app.add_option("RUN", options->id, "id of the run")->required();
  app.add_flag("--refuse", options->is_refused, "refuse instead of grant");
  app.callback([&context, options] {
    const NodeClient node(context);
    const std::string path = "/api/runs/" + path_segment(options->id);
    auto waiting = node.get(path);
    if (waiting.is_error()) return fail(context, waiting.error());
    const std::string& digest = (*waiting)["pending_approval"]["digest"].as_string();
    if (digest.empty()) {
      return fail(context, make_error(ErrorCode::conflict, "the run waits for no approval; it is " +
                                                               (*waiting)["state"].as_string()));
    }
    show(context,
         node.post(path + "/approval",
                   Json::object({{"digest", digest}, {"granted", !options->is_refused}})),
         print_run);
  });
}

}  // namespace plinth::cli::commands
