// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include <arpa/inet.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "agents/agents.h"
#include "api/api.h"
#include "base/disk.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/text.h"
#include "cluster/inventory.h"
#include "cluster/reports.h"
#include "guard/guard.h"
#include "http/client.h"
#include "http/server.h"
#include "memory/memory.h"
#include "node/config_values.h"
#include "node/embedded.h"
#include "serving/serving.h"
#include "store/store.h"

namespace plinth::node {

namespace {

constexpr size_t kWorkers = 32;
constexpr size_t kReplyWorkers = 2;
constexpr size_t kWorkerQueueMax = 4096;
constexpr size_t kIoLoopsMax = 4;
constexpr size_t kConnectionsMax = 16384;
constexpr rlim_t kOpenFilesWanted = 65536;
constexpr Duration kReportInterval = std::chrono::seconds(5);
constexpr Duration kUpstreamCheckMax = std::chrono::seconds(3);
constexpr Duration kDrainMax = std::chrono::seconds(5);
constexpr std::string_view kVersion = "0.1.0";

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return false;
}

LogLevel level_of(const std::string& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  if (name == "off") return LogLevel::off;
  return LogLevel::info;
}

// Each stream that is passed on holds two descriptors; the usual soft limit is 1024.
void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kOpenFilesWanted);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

class RunningNode final : public Node {
 public:
  explicit RunningNode(NodeConfig config) : config_(std::move(config)), ids_(clock_, random_) {}

  ~RunningNode() override {
    is_ready_ = false;
    if (server_) server_->drain(kDrainMax);  // streams still need the timers
    loop_.stop();
    server_.reset();
    agents_.reset();
    workers_.stop();  // its tasks use what follows
    serving_.reset();
    client_.reset();
    for (const auto& loop : io_loops_) loop->stop();
    reply_workers_.stop();
  }

  Status open() {
    TRY(check_values(config_));
    raise_open_files();
    set_log_level(level_of(config_.log_level));
    if (config_.data_folder.empty()) config_.data_folder = default_data_folder();
    TRY(check_folder_may_hold_a_key());
    store_ = TRY(store::open_embedded({config_.data_folder, disk_, clock_, random_, &metrics_}));
    guard_ = TRY(
        guard::create_guard({*store_, clock_, random_, metrics_, std::string(default_policies())}));
    TRY(check_listen_address());
    sandbox_ = TRY(guard::create_sandbox(supervisor_));
    for (const auto& loop : io_loops_) loop->start();
    client_ = http::create_client({.loops = io_loops()});
    embedder_ = memory::create_lexical_embedder();
    memory_ = TRY(memory::create_memory(
        {*store_, guard_->authorizer(), *embedder_, clock_, random_, metrics_}));
    serving_ = serving::create_serving({guard_->authorizer(), *client_, clock_, ids_, workers_,
                                        store_->events(), metrics_, config_.admission, 0,
                                        config_.data_folder + "/panels"});
    const std::string program = TRY(own_program_path());
    agents_ = TRY(agents::create_agents({*store_, *guard_, *sandbox_, *memory_, *serving_, *client_,
                                         clock_, ids_, metrics_, config_.data_folder, program,
                                         config_.runs_at_once_max}));
    reports_ = std::make_unique<cluster::Reports>(*store_, guard_->authorizer(), clock_);
    responses_ =
        std::make_unique<api::StoredResponses>(store_->key_value(), guard_->authorizer(), clock_);
    return ok();
  }

  Status listen() {
    services_ = std::make_unique<api::Services>(api::Services{
        *guard_, *serving_, *memory_, *embedder_, *agents_, *reports_, store_->events(), metrics_,
        clock_, loop_, ids_, *responses_, reply_workers_, std::string(console_page()),
        std::string(kVersion), [this] { return is_ready_.load(); }, config_.metric_aliases});
    console_token_ = make_console_token();
    api_ = std::make_unique<api::Api>(*services_, door(0));
    http::ServerOptions options;
    options.host = config_.listen_host;
    options.port = config_.listen_port;
    options.workers = kWorkers;
    options.shared_loops = io_loops();
    options.connections_max = kConnectionsMax;
    options.is_quick = [this](const http::ServerRequest& request) {
      return api::is_quick(request, *serving_);
    };
    options.error_response = [this](const Error& error, const std::string& path) {
      http::ServerResponse response = api::error_response(error, path);
      response.headers.emplace_back("x-request-id", ids_.make("req"));
      return response;
    };
    server_ = TRY(http::Server::create(
        options, [this](http::ServerRequest request, http::ResponseWriter writer) {
          api_->handle(std::move(request), std::move(writer));
        }));
    api_->set_door(door(server_->port()));
    return ok();
  }

  Status load() {
    for (const auto& model : config_.models) TRY(serving_->add_model(model));
    for (const auto& route : config_.routes) TRY(serving_->add_route(route));
    serving_->check_upstreams(kUpstreamCheckMax);
    for (const auto& file : config_.agent_files) TRY(add_agent(file));
    TRY(publish_report());
    loop_.start();
    schedule_report();
    TRY(agents_->resume_open_runs());
    is_ready_ = true;
    log_event(LogLevel::info, "node.ready", {{"address", address()}});
    return ok();
  }

  uint16_t port() const override { return server_->port(); }

  std::string address() const override {
    const bool is_any = config_.listen_host == "0.0.0.0" || config_.listen_host == "::";
    return "http://" + (is_any ? "127.0.0.1" : bracketed(config_.listen_host)) + ":" +
           std::to_string(port());
  }

  std::string console_address() const override { return address() + "/?token=" + console_token_; }

  Json summary() const override {
    Json models = Json::array();
    for (const auto& model : config_.models) models.push(model.name);
    return Json::object({{"address", address()},
                         {"console", console_address()},
                         {"data", config_.data_folder},
                         {"models", std::move(models)},
                         {"sandbox", sandbox_->report().to_json()},
                         {"is_key_required", !is_loopback(config_.listen_host)}});
  }

 private:
  std::vector<EventLoop*> io_loops() const {
    std::vector<EventLoop*> loops;
    for (const auto& loop : io_loops_) loops.push_back(loop.get());
    return loops;
  }

  static std::vector<std::unique_ptr<EventLoop>> make_io_loops() {
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::unique_ptr<EventLoop>> loops(std::clamp<size_t>(cores / 4, 1, kIoLoopsMax));
    for (auto& loop : loops) loop = std::make_unique<EventLoop>();
    return loops;
  }

  // A folder that is not there holds no key: refused before it is made.
  Status check_folder_may_hold_a_key() const {
    if (is_loopback(config_.listen_host)) return ok();
    std::error_code error;
    if (std::filesystem::exists(config_.data_folder, error)) return ok();
    return listen_refusal();
  }

  Status check_listen_address() {
    if (is_loopback(config_.listen_host)) return ok();
    if (TRY(guard_->keys().has_any())) return ok();
    return listen_refusal();
  }

  Error listen_refusal() const {
    return make_error(
        ErrorCode::denied,
        "refusing to listen on " + config_.listen_host +
            ": it is reachable from other machines and no API key exists. Start on "
            "127.0.0.1, make one with `plinth keys create NAME --role operator`, then listen "
            "here");
  }

  std::string make_console_token() {
    std::array<uint8_t, 18> bytes{};
    random_.fill(bytes);
    return base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  guard::DoorOptions door(uint16_t port) const {
    guard::DoorOptions door;
    const std::string suffix = ":" + std::to_string(port);
    door.allowed_hosts = {"127.0.0.1" + suffix, "localhost" + suffix, "[::1]" + suffix};
    const std::string own = lower_ascii(bracketed(config_.listen_host)) + suffix;
    if (std::ranges::find(door.allowed_hosts, own) == door.allowed_hosts.end()) {
      door.allowed_hosts.push_back(own);
    }
    for (const auto& host : door.allowed_hosts) door.allowed_origins.push_back("http://" + host);
    for (const auto& host : config_.allowed_hosts) door.allowed_hosts.push_back(lower_ascii(host));
    door.answers_addresses = !is_loopback(config_.listen_host);
    for (const auto& origin : config_.allowed_origins) {
      door.allowed_origins.push_back(lower_ascii(origin));
    }
    door.is_key_required = !is_loopback(config_.listen_host);
    door.console_token = console_token_;
    return door;
  }

  // The node's own acts at start are the local operator's: authorized and recorded like any other.
  guard::Request own_request() {
    guard::Request request;
    request.principal = guard::local_operator();
    request.request_id = ids_.make("req");
    return request;
  }

  Status add_agent(const std::string& file) {
    const std::string text = TRY(disk_.read_file(file));
    auto agent = agents::parse_agent(text);
    if (agent.is_error()) {
      return make_error(agent.error().code, file + ": " + agent.error().message);
    }
    return agents_->put_agent(own_request(), *agent);
  }

  Status publish_report() {
    cluster::NodeReport report;
    report.id = store_->origin();
    report.version = kVersion;
    report.devices = TRY(cluster::read_inventory());
    report.sandbox = sandbox_->report().to_json();
    report.models = Json::array();
    for (const auto& model : config_.models) report.models.push(model.name);
    return reports_->publish(report);
  }

  void schedule_report() {
    loop_.schedule(kReportInterval, [this] {
      const Status submitted = workers_.submit([this] {
        if (auto published = publish_report(); published.is_error()) {
          log_event(LogLevel::warning, "node.report_failed",
                    {{"cause", published.error().message}});
        }
        serving_->check_upstreams(kUpstreamCheckMax);
      });
      if (submitted.is_error()) log_event(LogLevel::warning, "node.report_skipped");
      schedule_report();
    });
  }

  NodeConfig config_;
  SystemClock clock_;
  SystemRandom random_;
  SystemDisk disk_;
  SystemProcessSupervisor supervisor_;
  telemetry::Metrics metrics_;
  IdSource ids_;
  std::string console_token_;
  std::atomic<bool> is_ready_{false};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<guard::Guard> guard_;
  std::unique_ptr<guard::Sandbox> sandbox_;
  // A request that arrives on one of these is answered there, its upstream call included: before
  // all that runs on them.
  std::vector<std::unique_ptr<EventLoop>> io_loops_ = make_io_loops();
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<memory::Embedder> embedder_;
  std::unique_ptr<memory::Memory> memory_;
  WorkerPool workers_{kWorkers, kWorkerQueueMax};
  WorkerPool reply_workers_{kReplyWorkers, kWorkerQueueMax};
  std::unique_ptr<serving::Serving> serving_;
  std::unique_ptr<agents::Agents> agents_;
  std::unique_ptr<cluster::Reports> reports_;
  std::unique_ptr<api::StoredResponses> responses_;
  std::unique_ptr<api::Services> services_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;
  EventLoop loop_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::start(const NodeConfig& config) {
  auto node = std::make_unique<RunningNode>(config);
  TRY(node->open());
  TRY(node->listen());
  TRY(node->load());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace plinth::node
