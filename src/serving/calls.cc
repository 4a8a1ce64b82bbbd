// SPDX-License-Identifier: Apache-2.0
// Life of a call: begin -> [waiting] -> starting -> running -> end. Replicas and readers are only
// ever called with the lock released, since both may call back.
#include "serving/calls.h"

#include "serving/chat_events.h"

namespace plinth::serving {

using decisions::AdmitVerdict;
using protocol::ChatEvent;

namespace {

decisions::AdmitLimits limits_of(const AdmissionOptions& options) {
  return {options.running_max, options.queue_max, options.queue_wait_max,
          options.requests_per_second_max};
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

}  // namespace

Calls::Calls(const ServingOptions& options)
    : clock_(options.clock),
      ids_(options.ids),
      limits_(limits_of(options.admission)),
      choose_replica_(find_strategy(kDefaultStrategy)),
      meters_(options.metrics, options.events),
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
  model->is_local = (model->replicas.empty() || model->is_local) && loaded.is_local;
  model->failure.clear();
  model->detail += (model->replicas.empty() ? "" : "; ") + loaded.detail;
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
  const auto found = models_.find(model);
  if (found == models_.end()) return std::nullopt;
  const Model& entry = *found->second;
  return ModelFacts{entry.kind, entry.is_local, entry.failure.empty(), entry.replicas.size(),
                    entry.failure};
}

std::vector<ModelStatus> Calls::statuses() const {
  MutexLock lock(mutex_);
  std::vector<ModelStatus> statuses;
  for (const std::string& name : order_) statuses.push_back(status_of(*models_.at(name)));
  return statuses;
}

std::vector<Replica*> Calls::replicas() const {
  MutexLock lock(mutex_);
  std::vector<Replica*> replicas;
  for (const auto& [name, model] : models_) {
    for (const auto& entry : model->replicas) replicas.push_back(entry->replica.get());
  }
  return replicas;
}

std::string Calls::first_ready() const {
  MutexLock lock(mutex_);
  for (const std::string& name : order_) {
    if (models_.at(name)->failure.empty()) return name;
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
                                                 protocol::ChatRequest chat) {
  const std::string id = request.request_id.empty() ? ids_.make("req") : request.request_id;
  const std::string principal = request.principal.tenant + "/" + request.principal.id;
  PromptShape shape = shape_of(chat);
  Channel channel = create_channel(id);
  // Calls are told apart by ids of our own: a caller may send one request id twice.
  const std::string call_id = ids_.make("call");
  AdmitVerdict verdict = AdmitVerdict::refuse;
  {
    MutexLock lock(mutex_);
    const auto found = models_.find(chat.model);
    if (found == models_.end() || is_stopping_) {
      return make_error(ErrorCode::not_found, "no model '" + chat.model + "'", "model");
    }
    Model& model = *found->second;
    const MonotonicTime now = clock_.now();
    const auto decision =
        model.admission.offer(call_id, buckets_.get(principal), request.deadline.time(), now);
    buckets_.put(principal, decision.bucket);
    verdict = decision.verdict;
    if (verdict == AdmitVerdict::refuse) {
      Error error = refusal(model.name, decision);
      meters_.refused(error);
      return error;
    }
    auto call = std::make_unique<Call>(Call{.id = id,
                                            .model = &model,
                                            .chat = std::move(chat),
                                            .shape = std::move(shape),
                                            .writer = channel.writer,
                                            .deadline = request.deadline,
                                            .cancellation = request.cancellation});
    call->times.admitted = now;
    call->phase = verdict == AdmitVerdict::run ? Phase::starting : Phase::waiting;
    watch(call_id, *call);
    calls_[call_id] = std::move(call);
    update_queue_depth();
  }
  if (verdict == AdmitVerdict::run) TRY(start(call_id));
  return std::move(channel.reader);
}

// The id by value: callers may pass the very key that is erased here.
std::function<void()> Calls::end(std::string id, ChatEvent last) {
  const auto found = calls_.find(id);
  const std::shared_ptr<Call> call = std::move(found->second);
  calls_.erase(found);
  if (call->verdict) last = *call->verdict;
  Model& model = *call->model;
  call->times.ended = clock_.now();
  if (call->phase == Phase::waiting) {
    model.admission.leave(id);
  } else {
    const bool has_worked = call->times.first_token.has_value();
    model.admission.release(has_worked ? std::optional(call->times.ended - call->times.started)
                                       : std::nullopt);
    start_waiting(model);
  }
  if (last.kind == ChatEvent::Kind::finished && last.usage.completion_tokens > 0) {
    constexpr double kWeight = 0.1;
    model.output_tokens_mean +=
        kWeight * (static_cast<double>(last.usage.completion_tokens) - model.output_tokens_mean);
  }
  update_queue_depth();
  return [this, call, name = model.name, last = std::move(last)]() mutable {
    meters_.ended(name, call->id, call->times, last);
    call->writer.write(std::move(last));
  };
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
