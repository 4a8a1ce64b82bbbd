// SPDX-License-Identifier: Apache-2.0
// For tests: Agents over a real embedded store and a real memory in a folder of their own.
// restart() is a new process on the same data.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "agents/testing/doubles.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/text.h"

namespace plinth::agents::testing {

namespace fs = std::filesystem;

class AgentsFixture : public ::testing::Test {
 protected:
  AgentsFixture() {
    set_log_level(LogLevel::off);
    static int count = 0;
    const fs::path parent =
        ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path();
    folder_ =
        parent / ("plinth-agents-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    store_ = MUST(store::open_embedded({(folder_ / "store").string(), disk_, clock_, random_}),
                  "the folder is new");
    crashing_ = std::make_unique<CrashingStore>(*store_);
    embedder_ = memory::create_lexical_embedder();
    memory_ =
        MUST(memory::create_memory({*store_, authorizer_, *embedder_, clock_, random_, metrics_}),
             "the embedder has dimensions");
    restart();
  }
  ~AgentsFixture() override {
    agents_.reset();
    memory_.reset();
    crashing_.reset();
    store_.reset();
    fs::remove_all(folder_);
  }

  void restart() {
    agents_.reset();
    crashing_->journal().revive();
    agents_ = MUST(create_agents({*crashing_, guard(), sandbox(), *memory_, serving_, client(),
                                  clock_, ids_, metrics_, folder_.string(), "/bin/tools", 4, 64}),
                   "the folder is absolute");
  }
  void resume() { ASSERT_TRUE(agents_->resume_open_runs().is_ok()); }

  virtual guard::Guard& guard() { return guard_; }
  virtual guard::Sandbox& sandbox() { return sandbox_; }
  virtual http::Client& client() { return client_; }

  guard::Request request(const std::string& principal = "alice") const {
    guard::Request request;
    request.principal = {principal, "default", guard::PrincipalKind::user, {"user"}};
    return request;
  }
  void put_agent(const std::string& yaml) {
    const auto agent = parse_agent(yaml);
    ASSERT_TRUE(agent.is_ok()) << agent.error().message;
    const auto put = agents_->put_agent(request(), *agent);
    ASSERT_TRUE(put.is_ok()) << put.error().message;
  }
  std::string start(const std::string& goal, const std::string& agent = "worker",
                    const std::string& key = "", Duration delay = {}) {
    const auto run = agents_->start(request(), agent, goal, key, delay);
    EXPECT_TRUE(run.is_ok()) << run.error().message;
    return run.is_ok() ? run->id : std::string();
  }
  RunSummary get(const std::string& run) {
    const auto summary = agents_->get(request(), run);
    EXPECT_TRUE(summary.is_ok()) << summary.error().message;
    return summary.value_or(RunSummary());
  }
  // The run once it is in that state; what it is in after kPatience otherwise.
  RunSummary await(const std::string& run, RunState state) {
    RunSummary summary = get(run);
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (summary.state != state && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      summary = get(run);
    }
    EXPECT_EQ(run_state_name(summary.state), run_state_name(state)) << summary.failure;
    return summary;
  }
  std::vector<Json> entries(const std::string& run) {
    std::vector<Json> bodies;
    const auto entries = agents_->entries(request(), run, 0, 4096);
    EXPECT_TRUE(entries.is_ok());
    if (entries.is_ok()) {
      for (const auto& entry : *entries) bodies.push_back(entry.body);
    }
    return bodies;
  }
  std::vector<Json> entries_of(const std::string& run, std::string_view kind) {
    std::vector<Json> matching;
    for (const auto& entry : entries(run)) {
      if (entry["kind"].as_string() == kind) matching.push_back(entry);
    }
    return matching;
  }

  fs::path workspace(const std::string& agent = "worker") const {
    return folder_ / "workspaces" / agent;
  }
  void write_workspace(const std::string& name, const std::string& text) {
    fs::create_directories(workspace());
    std::ofstream(workspace() / name) << text;
  }
  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // key -> how often it stands in the ledger of finished effects
  std::map<std::string, int> ledger() const {
    std::map<std::string, int> counts;
    const std::string text = read(workspace() / ".plinth" / "effects");
    for (const auto line : split(text, '\n')) {
      const auto json = Json::parse(line);
      if (json.is_ok()) counts[(*json)["key"].as_string()] += 1;
    }
    return counts;
  }

  static constexpr Duration kPatience = std::chrono::seconds(10);

  fs::path folder_;
  SystemDisk disk_;
  ManualClock clock_;
  SystemRandom random_;
  IdSource ids_{clock_, random_};
  telemetry::Metrics metrics_;
  CommandedAuthorizer authorizer_;
  OnlyAuthorizer guard_{authorizer_};
  InProcessSandbox sandbox_;
  NoNetwork client_;
  ScriptedServing serving_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<CrashingStore> crashing_;
  std::unique_ptr<memory::Embedder> embedder_;
  std::unique_ptr<memory::Memory> memory_;
  std::unique_ptr<Agents> agents_;
};

}  // namespace plinth::agents::testing
