// SPDX-License-Identifier: Apache-2.0
// Life of a call: begin -> [waiting] -> starting -> running -> end. Replicas and readers are only
// ever called with the lock released, since both may call back.
#include "serving/calls.h"

#include <algorithm>

#include "base/units.h"
#include "serving/chat_events.h"

namespace plinth::serving {

using decisions::AdmitVerdict;
using protocol::ChatEvent;

namespace {

decisions::AdmitLimits limits_of(const AdmissionOptions& options) {
  return {options.running_max, options.queue_max, options.queue_wait_max,
          options.requests_per_second_max};
}

// A rate is a principal's, over all models.
std::string bucket_name(const guard::Request& request) {
  return request.principal.tenant + "/" + request.principal.id;
}

Error refusal(const std::string& model, const decisions::AdmitDecision& decision) {
  const int64_t retry_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(decision.retry_after).count();
  Error error = make_error(decision.code, "model " + model + ": " + decision.reason);
  if (decision.code != ErrorCode::deadline_exceeded) {
    error.message += "; try again in " + std::to_string((retry_ms + 999) / 1000) + " s";
    error.retry_after_ms = retry_ms;
  }
  return error;
}

protocol::ReplyTimes reply_times(const CallTimes& times) {
  const bool is_started = times.started != MonotonicTime();
  if (!is_started) return {.wait_ns = (times.ended - times.admitted).count()};
  const MonotonicTime first = times.first_token.value_or(times.ended);
  return {.wait_ns = (times.started - times.admitted).count(),
          .prompt_ns = (first - times.started).count(),
          .reply_ns = (times.ended - first).count()};
}

}  // namespace

Calls::Calls(const ServingOptions& options)
    : clock_(options.clock),
      ids_(options.ids),
      limits_(limits_of(options.admission)),
      choose_replica_(find_strategy(kDefaultStrategy)),
      meters_(options.metrics, options.events),
      records_(options.clock),
      dispatcher_([this] { run_dispatcher(); }) {}

Calls::~Calls() {
  std::vector<std::function<void()>> ends;
  std::map<std::string, std::unique_ptr<Model>> models;
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  dispatcher_.join();
  {
    MutexLock lock(mutex_);
    while (!calls_.empty()) {
      ends.push_back(end(calls_.begin()->first,
                         failed_event(make_error(ErrorCode::cancelled, "the node is stopping"))));
    }
    models.swap(models_);
  }
  for (const auto& tell : ends) tell();
}

Status Calls::add_replica(const ModelSpec& spec, LoadedReplica loaded) {
  MutexLock lock(mutex_);
  if (models_.size() >= kModelsMax && !models_.contains(spec.name)) {
    return make_error(ErrorCode::too_large,
                      "this node holds " + std::to_string(kModelsMax) + " models, the most");
  }
  std::string taken;
  for (const std::string& adapter : loaded.adapters) {
    std::string served = spec.name;
    served.append(":").append(adapter);
    if (models_.contains(served)) taken = std::move(served);
  }
  if (!taken.empty()) {
    return make_error(ErrorCode::already_exists,
                      "adapters: a model has the name " + taken + " already; name one of them anew",
                      "adapters");
  }
  auto& model = models_[spec.name];
  if (!model) {
    model = std::make_unique<Model>(limits_);
    order_.push_back(spec.name);
  }
  if (model->replicas.size() >= kReplicasMax) {
    return make_error(
        ErrorCode::too_large,
        "model " + spec.name + " has " + std::to_string(kReplicasMax) + " replicas, the most");
  }
  model->name = spec.name;
  model->kind = spec.kind;
  model->is_embedder = loaded.replica->is_embedder();
  model->is_local = (model->replicas.empty() || model->is_local) && loaded.is_local;
  model->failure.clear();
  model->detail += (model->replicas.empty() ? "" : "; ") + loaded.detail;
  model->adapters.insert(model->adapters.end(), loaded.adapters.begin(), loaded.adapters.end());
  model->summary = loaded.replica->describe();
  model->since = clock_.wall();
  model->memory_bytes += loaded.memory_bytes;
  model->replicas.push_back(
      std::make_unique<ReplicaEntry>(std::move(loaded.replica), loaded.has_prefix_cache));
  return ok();
}

void Calls::add_failure(const ModelSpec& spec, const Error& error) {
  MutexLock lock(mutex_);
  if (models_.size() >= kModelsMax && !models_.contains(spec.name)) return;
  auto& model = models_[spec.name];
  if (model && !model->replicas.empty()) return;  // the replicas it has go on
  if (!model) {
    model = std::make_unique<Model>(limits_);
    order_.push_back(spec.name);
  }
  model->name = spec.name;
  model->kind = spec.kind;
  model->failure = error.message;
  model->since = clock_.wall();
}

std::optional<Calls::ModelFacts> Calls::facts(const std::string& model) const {
  MutexLock lock(mutex_);
  const Model* const entry = find_model(model);
  if (entry == nullptr) return std::nullopt;
  return ModelFacts{entry->kind, entry->is_local, entry->failure.empty(), entry->replicas.size(),
                    entry->failure};
}

std::vector<ModelStatus> Calls::statuses() const {
  MutexLock lock(mutex_);
  std::vector<ModelStatus> statuses;
  for (const std::string& name : order_) {
    const Model& model = *models_.at(name);
    statuses.push_back(status_of(model));
    for (const std::string& adapter : model.adapters) {
      statuses.push_back(status_of_adapter(model, adapter));
    }
  }
  return statuses;
}

Model* Calls::find_model(const std::string& name) const {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second.get();
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos) return nullptr;
  const auto base = models_.find(name.substr(0, colon));
  if (base == models_.end()) return nullptr;
  const std::vector<std::string>& adapters = base->second->adapters;
  const bool is_there = std::ranges::find(adapters, name.substr(colon + 1)) != adapters.end();
  return is_there ? base->second.get() : nullptr;
}

std::vector<Replica*> Calls::replicas() const {
  MutexLock lock(mutex_);
  std::vector<Replica*> replicas;
  for (const auto& [name, model] : models_) {
    for (const auto& entry : model->replicas) replicas.push_back(entry->replica.get());
  }
  return replicas;
}

Replica* Calls::first_replica(const std::string& model) const {
  MutexLock lock(mutex_);
  const Model* const found = find_model(model);
  if (found == nullptr || found->replicas.empty()) return nullptr;
  return found->replicas.front()->replica.get();
}

std::string Calls::first_ready() const {
  MutexLock lock(mutex_);
  for (const std::string& name : order_) {
    const Model& model = *models_.at(name);
    if (model.failure.empty() && !model.is_embedder) return name;
  }
  return {};
}

uint64_t Calls::memory_bytes_used() const {
  MutexLock lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& [name, model] : models_) bytes += model->memory_bytes;
  return bytes;
}

Result<std::unique_ptr<ChatStream>> Calls::begin(const guard::Request& request,
                                                 protocol::ChatRequest chat,
                                                 std::vector<std::string> fallbacks) {
  PromptShape shape = shape_of(chat);
  return begin(request, {.id = {}, .chat = std::move(chat)}, std::move(shape),
               std::move(fallbacks));
}

Result<std::unique_ptr<ChatStream>> Calls::begin(const guard::Request& request,
                                                 protocol::EmbeddingRequest embedding,
                                                 std::vector<std::string> fallbacks) {
  PromptShape shape = shape_of(embedding);
  ReplicaCall asked;
  asked.chat.model = embedding.model;
  asked.chat.max_tokens = 0;
  asked.embedding = std::make_shared<const protocol::EmbeddingRequest>(std::move(embedding));
  return begin(request, std::move(asked), std::move(shape), std::move(fallbacks));
}

decisions::AdmitDecision Calls::offer(Model& model, const Call& call, const std::string& id,
                                      bool is_counted, std::function<void()>& tell) {
  const double cost = decisions::kPromptTokenCost * static_cast<double>(call.shape.tokens);
  auto [decision, displaced] =
      model.admission.offer({id, call.group, cost, is_counted}, buckets_.get(call.group),
                            call.deadline.time(), clock_.now());
  buckets_.put(call.group, decision.bucket);
  if (displaced) {
    tell = [before = std::move(tell), refuse = displace(*displaced)] {
      if (before) before();
      refuse();
    };
  }
  return decision;
}

Result<std::unique_ptr<ChatStream>> Calls::begin(const guard::Request& request, ReplicaCall asked,
                                                 PromptShape shape,
                                                 std::vector<std::string> fallbacks) {
  RequestKey key = key_of(request);
  if (key.id.empty()) key.id = ids_.make("req");
  Channel channel = create_channel(key.id);
  // Calls are told apart by ids of our own: a caller may send one request id twice.
  const std::string call_id = ids_.make("call");
  bool is_due = false;
  std::function<void()> tell;
  std::optional<Error> refused;
  {
    MutexLock lock(mutex_);
    Model* const model = find_model(asked.chat.model);
    if (model == nullptr || is_stopping_) {
      return make_error(ErrorCode::not_found, "no model '" + asked.chat.model + "'", "model");
    }
    const bool is_counted = !asked.chat.is_further_choice;
    CallRecord record;
    record.model = asked.chat.model;
    record.operation = asked.embedding ? Operation::embeddings : Operation::chat;
    auto call = std::make_unique<Call>(Call{.request = std::move(key),
                                            .group = bucket_name(request),
                                            .model = model,
                                            .chat = std::move(asked.chat),
                                            .embedding = std::move(asked.embedding),
                                            .shape = std::move(shape),
                                            .writer = channel.writer,
                                            .deadline = request.deadline,
                                            .cancellation = request.cancellation,
                                            .fallbacks = std::move(fallbacks),
                                            .record = std::move(record)});
    call->times.admitted = call->queued = clock_.now();
    const auto decision = offer(*call->model, *call, call_id, is_counted, tell);
    call->record.admission = decision.reason;
    call->phase = decision.verdict == AdmitVerdict::run ? Phase::starting : Phase::waiting;
    bool is_admitted = decision.verdict != AdmitVerdict::refuse;
    if (!is_admitted) {
      refused = refusal(call->record.model, decision);
      meters_.refused(*refused);
      call->model = nullptr;
      is_admitted =
          refused->code == ErrorCode::overloaded && move_on(call_id, *call, is_counted, tell);
    }
    if (is_admitted) {
      refused.reset();
      is_due = call->phase == Phase::starting;
      watch(call_id, *call);
      calls_[call_id] = std::move(call);
      update_queue_depth();
    } else {
      call->record.end = failed_event(*refused);
      records_.add(call->request, std::move(call->record));
    }
  }
  if (tell) tell();
  if (refused) return *std::move(refused);
  if (is_due) TRY(start(call_id));
  return std::move(channel.reader);
}

bool Calls::move_on(const std::string& id, Call& call, bool is_counted,
                    std::function<void()>& tell) {
  if (!call.has_chat || call.has_event || call.is_stopping || is_stopping_) return false;
  while (!call.fallbacks.empty()) {
    const std::string name = std::move(call.fallbacks.front());
    call.fallbacks.erase(call.fallbacks.begin());
    Model* const next = find_model(name);
    // An adapter's model is tried already.
    if (next == nullptr || next == call.model || !next->failure.empty()) continue;
    const auto decision = offer(*next, call, id, is_counted, tell);
    if (decision.verdict == AdmitVerdict::refuse) continue;
    call.record.admission += "; moved on from " + call.record.model + ": " + decision.reason;
    call.record.model = name;
    call.chat.model = name;
    call.tried.clear();
    call.phase = decision.verdict == AdmitVerdict::run ? Phase::starting : Phase::waiting;
    call.queued = clock_.now();
    next_end_ = std::min(next_end_, end_of(call));
    if (Model* const before = std::exchange(call.model, next)) {
      before->admission.release(call.group, std::nullopt);
      start_waiting(*before);
    }
    return true;
  }
  return false;
}

// A waiting call whose place another tenant's call has taken.
std::function<void()> Calls::displace(const std::string& id) {
  Error error = make_error(ErrorCode::overloaded,
                           "the queue is full, and of those who wait this tenant has most; try "
                           "again later");
  error.retry_after_ms = to_ms(decisions::kRetryAfterUnknown);
  meters_.refused(error);
  return end(id, failed_event(std::move(error)));
}

// The id by value: callers may pass the very key that is erased here.
std::function<void()> Calls::end(std::string id, ChatEvent last) {
  const auto found = calls_.find(id);
  const std::shared_ptr<Call> call = std::move(found->second);
  calls_.erase(found);
  if (call->verdict) last = *call->verdict;
  Model& model = *call->model;
  call->times.ended = clock_.now();
  if (last.kind == ChatEvent::Kind::finished) last.times = reply_times(call->times);
  if (call->phase == Phase::waiting) {
    model.admission.leave(id);
  } else {
    const bool has_worked = call->times.first_token.has_value() ||
                            (call->embedding && last.reason == protocol::FinishReason::stop &&
                             last.kind == ChatEvent::Kind::finished);
    model.admission.release(
        call->group,
        has_worked ? std::optional(call->times.ended - call->times.started) : std::nullopt,
        decisions::kReplyTokenCost * static_cast<double>(last.usage.completion_tokens));
    start_waiting(model);
  }
  if (last.kind == ChatEvent::Kind::finished && last.usage.completion_tokens > 0) {
    constexpr double kWeight = 0.1;
    model.output_tokens_mean +=
        kWeight * (static_cast<double>(last.usage.completion_tokens) - model.output_tokens_mean);
  }
  update_queue_depth();
  return [this, call, last = std::move(last)]() mutable {
    const CallRecord& record = call->record;
    meters_.ended(record.model, record.operation, call->request.id, call->times, last);
    records_.add(call->request, ended_record(*call, last));
    call->writer.write(std::move(last));
  };
}

// What was said is not kept.
CallRecord Calls::ended_record(const Call& call, const ChatEvent& last) {
  CallRecord record = call.record;
  record.times = call.times;
  record.end.emplace();
  record.end->kind = last.kind;
  record.end->reason = last.reason;
  record.end->usage = last.usage;
  record.end->work = last.work;
  record.end->error = last.error;
  return record;
}

std::optional<RequestRecord> Calls::find_request(const std::string& id) const {
  auto record = records_.find(id);
  if (!record) return std::nullopt;
  MutexLock lock(mutex_);
  for (const auto& [call_id, call] : calls_) {
    if (call->request.id != id) continue;
    record->calls.push_back(call->record);
    record->calls.back().times = call->times;
  }
  return record;
}

std::optional<RateLimit> Calls::rate_limit(const guard::Request& request) const {
  MutexLock lock(mutex_);
  const auto left = decisions::rate_left(limits_, buckets_.get(bucket_name(request)), clock_.now());
  if (!left) return std::nullopt;
  return RateLimit{left->limit, left->remaining, left->until_full};
}

void Calls::publish_load() {
  std::vector<std::pair<std::string, std::vector<Replica*>>> models;
  std::map<std::string, ModelLoad> loads;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, model] : models_) {
      loads[name].waiting = model->admission.waiting();
      auto& replicas = models.emplace_back(name, std::vector<Replica*>()).second;
      for (const auto& entry : model->replicas) replicas.push_back(entry->replica.get());
    }
  }
  for (const auto& [name, replicas] : models) {
    ModelLoad& load = loads[name];
    for (const Replica* replica : replicas) {
      const ReplicaLoad own = replica->load();
      load.running += own.running;
      load.waiting += own.waiting;
      load.kv_usage = std::max(load.kv_usage, own.kv_usage);
    }
    meters_.load(name, load);
  }
}

void Calls::start_waiting(Model& model) {
  if (is_stopping_) return;
  while (auto next = model.admission.next()) {
    calls_.at(*next)->phase = Phase::starting;
    due_.push_back(*std::move(next));
    changed_.notify_all();
  }
}

void Calls::update_queue_depth() {
  int waiting = 0;
  for (const auto& [name, model] : models_) waiting += model->admission.waiting();
  meters_.queue_depth(waiting);
}

}  // namespace plinth::serving
