// SPDX-License-Identifier: Apache-2.0
// The door: authorizes every act, then hands it to Calls.
#include "serving/serving.h"

#include <atomic>

#include "base/log.h"
#include "base/mutex.h"
#include "serving/calls.h"
#include "serving/loader.h"
#include "serving/router/routes.h"

namespace plinth::serving {

namespace {

constexpr Duration kReadInterval = std::chrono::seconds(1);

std::string one_line(const std::vector<ModelStatus>& models) {
  std::string names;
  for (const ModelStatus& model : models) names += (names.empty() ? "" : ", ") + model.name;
  return names.empty() ? "this node serves none" : "this node serves " + names;
}

// What a policy may ask about a call: how much and with which tools, never the words.
Json facts_of(const protocol::ChatRequest& chat, const std::string& name,
              const Calls::ModelFacts& model) {
  Json tools = Json::array();
  for (const protocol::ToolSpec& tool : chat.tools) tools.push(tool.name);
  return Json::object({
      {"model", Json::object({{"name", name},
                              {"kind", replica_kind_name(model.kind)},
                              {"is_local", model.is_local}})},
      {"messages", chat.messages.size()},
      {"tools", std::move(tools)},
  });
}

Json facts_of(const protocol::EmbeddingRequest& embedding, const std::string& name,
              const Calls::ModelFacts& model) {
  return Json::object({
      {"model", Json::object({{"name", name},
                              {"kind", replica_kind_name(model.kind)},
                              {"is_local", model.is_local}})},
      {"inputs", embedding.inputs.size()},
  });
}

class NodeServing final : public Serving {
 public:
  explicit NodeServing(const ServingOptions& options) : options_(options), calls_(options) {}

  Status add_model(const ModelSpec& spec) override {
    // One at a time: placement of the next model must see the memory of this one taken.
    MutexLock lock(loading_);
    const MonotonicTime begun = options_.clock.now();
    Status added = load(spec);
    if (added.is_error()) {
      calls_.add_failure(spec, added.error());
      log_event(LogLevel::error, "serving.model_failed",
                {{"model", spec.name}, {"cause", added.error().message}});
    } else {
      log_event(LogLevel::info, "serving.model_ready", {{"model", spec.name}});
    }
    Meters(options_.metrics, options_.events)
        .model_added(spec.name, added.is_ok() ? "ready" : "failed", options_.clock.now() - begun);
    return added;
  }

  Status add_route(const RouteSpec& spec) override {
    if (calls_.facts(spec.name)) {
      return make_error(ErrorCode::already_exists, "route " + spec.name + ": a model has this name",
                        "name");
    }
    for (const RouteTarget& target : spec.targets) TRY(check_target(spec, target.model));
    for (const std::string& model : spec.fallbacks) TRY(check_target(spec, model));
    return routes_.add(spec);
  }

  Result<std::vector<ModelStatus>> models(const guard::Request& request) override {
    TRY(authorize(request, {guard::ActionKind::model_list, "model", "*", Json::object()}));
    return statuses();
  }

  Result<ModelStatus> model(const guard::Request& request, const std::string& name) override {
    TRY(authorize(request, {guard::ActionKind::model_list, "model", name, Json::object()}));
    for (ModelStatus& status : statuses()) {
      if (status.name == name) return std::move(status);
    }
    return unknown_model(name);
  }

  Result<std::unique_ptr<ChatStream>> chat(const guard::Request& request,
                                           protocol::ChatRequest chat) override {
    auto fallbacks = TRY(check_call(request, chat));
    if (chat.messages.empty() && !chat.prompt) {
      return make_error(ErrorCode::invalid_argument, "messages: expected at least one message",
                        "messages");
    }
    return calls_.begin(request, std::move(chat), std::move(fallbacks));
  }

  Result<TokenizedPrompt> tokenize(const guard::Request& request, TokenizeCall call) override {
    TRY(check_call(request, call.chat));
    return TRY(replica_of(call.chat.model))->tokenize(call);
  }

  Result<std::string> detokenize(const guard::Request& request, const std::string& model,
                                 const std::vector<int32_t>& tokens) override {
    protocol::ChatRequest chat;
    chat.model = model;
    TRY(check_call(request, chat));
    return TRY(replica_of(chat.model))->detokenize(chat.model, tokens);
  }

  Result<protocol::ChatReply> chat_whole(const guard::Request& request,
                                         protocol::ChatRequest chat_request) override {
    const auto stream = TRY(chat(request, std::move(chat_request)));
    protocol::ChatReply reply;
    while (true) {
      // Deadline and cancellation end the stream; the interval only bounds one wait.
      auto event = stream->next(kReadInterval);
      if (!event) continue;
      if (event->kind == protocol::ChatEvent::Kind::failed) return std::move(event->error);
      const bool is_last = event->kind == protocol::ChatEvent::Kind::finished;
      protocol::add_event(reply, std::move(*event));
      if (is_last) return reply;
    }
  }

  Result<int64_t> count_tokens(const guard::Request& request, protocol::ChatRequest chat) override {
    TRY(check_call(request, chat));
    return TRY(replica_of(chat.model))->count_tokens(chat);
  }

  Result<std::unique_ptr<ChatStream>> embed(const guard::Request& request,
                                            protocol::EmbeddingRequest embedding) override {
    auto models = TRY(models_to_try(request, embedding.model,
                                    [&](const std::string& name, const Calls::ModelFacts& facts) {
                                      return facts_of(embedding, name, facts);
                                    }));
    embedding.model = models.front();
    models.erase(models.begin());
    return calls_.begin(request, std::move(embedding), std::move(models));
  }

  Result<Json> explain(const guard::Request& request, const std::string& id) override {
    TRY(authorize(request, {guard::ActionKind::model_list, "model", "*", Json::object()}));
    const auto record = calls_.find_request(id);
    if (!record || record->key.tenant != request.principal.tenant) {
      return make_error(ErrorCode::not_found,
                        "no request '" + id + "' of a model; the latest " +
                            std::to_string(kRequestsKept) + " are kept since the node started",
                        "id");
    }
    if (record->key.principal != request.principal.id) {
      TRY(authorize(request, {guard::ActionKind::audit_read, "audit", "log", Json::object()}));
    }
    return record->to_json(options_.clock.now());
  }

  std::optional<RateLimit> rate_limit(const guard::Request& request) const override {
    return calls_.rate_limit(request);
  }

  void publish_load() override { calls_.publish_load(); }

  void check_upstreams(Duration time_max) override {
    // A second check at the same time would only ask again.
    if (is_checking_.exchange(true)) return;
    const MonotonicTime until = options_.clock.now() + time_max;
    for (Replica* replica : calls_.replicas()) {
      if (options_.clock.now() >= until) break;
      if (replica->reach().kind != Reach::Kind::reachable) replica->check_reach();
    }
    is_checking_ = false;
  }

  std::map<std::string, int> states() const override {
    std::map<std::string, int> states;
    for (const ModelStatus& status : calls_.statuses()) ++states[status.state];
    return states;
  }

  std::string default_model() const override { return calls_.first_ready(); }

  bool computes() const override { return computes_; }

 private:
  Status authorize(const guard::Request& request, const guard::Action& action) {
    return guard::require_allowed(options_.authorizer.authorize(request, action));
  }

  using FactsFor = std::function<Json(const std::string& model, const Calls::ModelFacts& facts)>;

  // Fills in the model that is to answer; returns those to try after it.
  Result<std::vector<std::string>> check_call(const guard::Request& request,
                                              protocol::ChatRequest& chat) {
    if (chat.model.empty()) chat.model = default_model();
    auto models = TRY(models_to_try(request, chat.model,
                                    [&](const std::string& name, const Calls::ModelFacts& facts) {
                                      return facts_of(chat, name, facts);
                                    }));
    chat.model = models.front();
    models.erase(models.begin());
    return models;
  }

  struct Refused {
    std::string model;
    guard::Decision decision;
    Duration took{};
  };

  // Those that stand behind the name, that the principal may call and that are ready: at least one.
  // A principal that may not call a model is told so before it learns which models exist.
  Result<std::vector<std::string>> models_to_try(const guard::Request& request,
                                                 const std::string& name,
                                                 const FactsFor& facts_for) {
    const RequestKey key = key_of(request);
    const std::string drawn = key.id.empty() ? options_.ids.make("req") : key.id;
    std::vector<std::string> ready;
    std::vector<Refused> refused;  // a failure of the request's only when nothing is left of it
    Status first = ok();
    for (const std::string& model : routes_.models_for(name, drawn)) {
      const auto facts = calls_.facts(model);
      const MonotonicTime begun = options_.clock.now();
      const guard::Decision decision = options_.authorizer.authorize(
          request, {guard::ActionKind::model_call, "model", model,
                    facts_for(model, facts.value_or(Calls::ModelFacts{}))});
      const Duration took = options_.clock.now() - begun;
      Status usable = guard::require_allowed(decision);
      if (usable.is_ok()) {
        calls_.records().decided(key, model, decision, took);
        usable = check_ready(model, facts);
      } else {
        refused.push_back({model, decision, took});
      }
      if (usable.is_ok()) {
        ready.push_back(model);
      } else if (first.is_ok()) {
        first = std::move(usable);
      }
    }
    if (!ready.empty()) return ready;
    for (const Refused& one : refused) {
      calls_.records().decided(key, one.model, one.decision, one.took);
    }
    return first.error();
  }

  Status check_ready(const std::string& model, const std::optional<Calls::ModelFacts>& facts) {
    if (!facts) return unknown_model(model);
    if (facts->is_ready) return ok();
    return make_error(ErrorCode::unavailable,
                      "model " + model + " could not be loaded: " + facts->failure);
  }

  Status check_target(const RouteSpec& spec, const std::string& model) const {
    if (calls_.facts(model)) return ok();
    return make_error(
        ErrorCode::not_found,
        "route " + spec.name + ": no model '" + model + "'; " + one_line(calls_.statuses()),
        "models");
  }

  std::vector<ModelStatus> statuses() const {
    std::vector<ModelStatus> statuses = calls_.statuses();
    std::map<std::string, ModelStatus> models;
    for (const ModelStatus& status : statuses) models[status.name] = status;
    // What clients ask of a model, they ask of a name that stands for one.
    for (const RouteSpec& route : routes_.all()) {
      ModelStatus status = models[route.targets.front().model];
      status.name = route.name;
      status.kind = "route";
      status.detail = description_of(route);
      status.running = status.waiting = 0;
      statuses.push_back(std::move(status));
    }
    return statuses;
  }

  Result<Replica*> replica_of(const std::string& model) const {
    if (Replica* replica = calls_.first_replica(model)) return replica;
    return make_error(ErrorCode::unavailable, "model " + model + " has no replica");
  }

  Error unknown_model(const std::string& name) const {
    return make_error(ErrorCode::not_found, "no model '" + name + "'; " + one_line(statuses()),
                      "model");
  }

  Status load(const ModelSpec& spec) REQUIRES(loading_) {
    if (spec.name.empty()) {
      return make_error(ErrorCode::invalid_argument, "name: expected the model's name", "name");
    }
    if (spec.kind == ReplicaKind::native) computes_ = true;
    size_t replicas = 0;
    if (const auto present = calls_.facts(spec.name); present && present->is_ready) {
      if (spec.kind == ReplicaKind::native || present->kind == ReplicaKind::native) {
        return make_error(ErrorCode::already_exists,
                          "model " + spec.name +
                              " is already served; a second replica of a "
                              "name must be an upstream of an upstream model",
                          "name");
      }
      replicas = present->replicas;
    }
    const std::string replica = spec.name + "#" + std::to_string(replicas);
    LoadedReplica loaded = TRY(load_replica(options_, spec, replica, calls_.memory_bytes_used()));
    return calls_.add_replica(spec, std::move(loaded));
  }

  const ServingOptions options_;
  std::atomic<bool> is_checking_{false};
  std::atomic<bool> computes_{false};
  Mutex loading_;
  Routes routes_;
  Calls calls_;
};

}  // namespace

std::unique_ptr<Serving> create_serving(const ServingOptions& options) {
  return std::make_unique<NodeServing>(options);
}

}  // namespace plinth::serving
