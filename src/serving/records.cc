// SPDX-License-Identifier: Apache-2.0
#include "serving/records.h"

#include <algorithm>

namespace plinth::serving {
namespace {

constexpr size_t kDecisionsKept = 16;

double ms(Duration span) { return std::chrono::duration<double, std::milli>(span).count(); }
double ms_of_us(int64_t us) { return static_cast<double>(us) / 1000; }

Json attempts_json(const std::vector<CallRecord::Attempt>& attempts) {
  Json list = Json::array();
  for (const CallRecord::Attempt& attempt : attempts) {
    Json item = Json::object({{"replica", attempt.replica},
                              {"reason", attempt.reason},
                              {"after_ms", ms(attempt.after)}});
    if (!attempt.failure.empty()) item.set("failure", attempt.failure);
    list.push(std::move(item));
  }
  return list;
}

Json work_json(const protocol::ReplyWork& work) {
  return Json::object({{"queue_ms", ms_of_us(work.queue_us)},
                       {"prefill_ms", ms_of_us(work.prefill_us)},
                       {"prefill_chunks", work.prefill_chunks},
                       {"decode_ms", ms_of_us(work.decode_us)}});
}

bool is_started(const CallTimes& times) { return times.started != MonotonicTime(); }

}  // namespace

Json CallRecord::to_json(MonotonicTime now) const {
  Json out = Json::object({{"model", model},
                           {"operation", operation_name(operation)},
                           {"state", end                 ? "ended"
                                     : is_started(times) ? "running"
                                                         : "waiting"}});
  if (times.admitted == MonotonicTime()) {  // refused before that
    if (!admission.empty()) out.set("admission", admission);
    if (end)
      out.set("error", Json::object({{"code", error_name(end->error.code)},
                                     {"message", end->error.message}}));
    return out;
  }
  const MonotonicTime until = end ? times.ended : now;
  out.set("admission", admission);
  out.set("queue_ms", ms((is_started(times) ? times.started : until) - times.admitted));
  out.set("attempts", attempts_json(attempts));
  out.set("retries", attempts.empty() ? size_t{0} : attempts.size() - 1);
  if (times.first_token) out.set("first_token_ms", ms(*times.first_token - times.admitted));
  out.set("duration_ms", ms(until - times.admitted));
  if (!end) return out;
  if (end->kind == protocol::ChatEvent::Kind::failed) {
    out.set("error",
            Json::object({{"code", error_name(end->error.code)}, {"message", end->error.message}}));
    return out;
  }
  const protocol::Usage& usage = end->usage;
  out.set("reason", protocol::finish_reason_name(end->reason));
  out.set("prompt_tokens", usage.prompt_tokens);
  out.set("cached_tokens", usage.cached_tokens);
  out.set("completion_tokens", usage.completion_tokens);
  if (times.first_token && usage.completion_tokens > 1) {
    out.set("output_token_ms", ms(times.ended - *times.first_token) /
                                   static_cast<double>(usage.completion_tokens - 1));
  }
  if (end->work) out.set("engine", work_json(*end->work));
  return out;
}

bool CallRecord::is_notable() const {
  if (!end) return true;
  return end->kind == protocol::ChatEvent::Kind::failed ||
         times.ended - times.admitted >= kSlowCall;
}

Json RequestRecord::to_json(MonotonicTime now) const {
  Json list = Json::array();
  for (const CallRecord& call : calls) list.push(call.to_json(now));
  return Json::object({{"id", key.id},
                       {"principal", key.principal},
                       {"came", came.iso8601()},
                       {"policy_ms", ms(policy_time)},
                       {"decisions", Json::array_of(decisions)},
                       {"calls", std::move(list)}});
}

bool RequestRecord::is_notable() const {
  return std::any_of(calls.begin(), calls.end(),
                     [](const CallRecord& call) { return call.is_notable(); });
}

RequestKey key_of(const guard::Request& request) {
  return {request.request_id, request.principal.tenant, request.principal.id};
}

void RequestRecords::decided(const RequestKey& request, const std::string& model,
                             const guard::Decision& decision, Duration took) {
  {
    MutexLock lock(mutex_);
    RequestRecord* record = entry(request);
    if (record == nullptr) return;
    record->policy_time += took;
    if (record->decisions.size() < kDecisionsKept) record->decisions.push_back(decision.id);
  }
  const Status allowed = guard::require_allowed(decision);
  if (allowed.is_ok()) return;
  CallRecord call;
  call.model = model;
  call.end.emplace();
  call.end->kind = protocol::ChatEvent::Kind::failed;
  call.end->error = allowed.error();
  add(request, std::move(call));
}

void RequestRecords::add(const RequestKey& request, CallRecord call) {
  MutexLock lock(mutex_);
  RequestRecord* record = entry(request);
  if (record == nullptr) return;
  if (record->calls.size() >= kCallsKept) record->calls.erase(record->calls.begin());
  record->calls.push_back(std::move(call));
}

std::optional<RequestRecord> RequestRecords::find(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto found = records_.find(id);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

RequestRecord* RequestRecords::entry(const RequestKey& request) {
  if (request.id.empty()) return nullptr;
  const auto found = records_.find(request.id);
  if (found != records_.end()) return &found->second;
  while (latest_.size() >= kRequestsKept) forget_one();
  RequestRecord& record = records_[request.id];
  record.key = request;
  record.came = clock_.wall();
  latest_.add(request.tenant, request.id);
  return &record;
}

void RequestRecords::forget_one() {
  std::string leaving = latest_.take();
  const auto record = records_.find(leaving);
  if (!record->second.is_notable()) {
    records_.erase(record);
    return;
  }
  if (notable_.size() >= kNotableRequestsKept) records_.erase(notable_.take());
  notable_.add(record->second.key.tenant, std::move(leaving));
}

void RequestRecords::Shelf::add(const std::string& tenant, std::string id) {
  ids_[tenant].push_back(std::move(id));
  ++size_;
}

std::string RequestRecords::Shelf::take() {
  const auto most = std::max_element(ids_.begin(), ids_.end(), [](const auto& a, const auto& b) {
    return a.second.size() < b.second.size();
  });
  std::string id = std::move(most->second.front());
  most->second.pop_front();
  if (most->second.empty()) ids_.erase(most);
  --size_;
  return id;
}

}  // namespace plinth::serving
