// SPDX-License-Identifier: Apache-2.0
// Writing and reading node reports through KeyValue.
#include "cluster/reports.h"

#include <algorithm>

#include "guard/identity.h"

namespace plinth::cluster {

namespace {

std::string report_prefix() { return std::string(guard::kDefaultTenant) + "/node/"; }

std::string lease_key(const std::string& node) {
  return std::string(guard::kDefaultTenant) + "/node_lease/" + node;
}

}  // namespace

Status Reports::publish(NodeReport report) {
  if (report.os.empty()) report.os = os_name();
  if (report.gpu_detail.empty()) report.gpu_detail = read_gpu_detail();
  report.written_unix_ms = clock_.wall().unix_ms;
  MutexLock lock(mutex_);
  const auto held = held_.find(report.id);
  auto lease = held == held_.end() ? leases_.acquire(lease_key(report.id), holder_, kTimeToLive)
                                   : leases_.renew(held->second);
  if (lease.is_error()) {
    held_.erase(report.id);
    return std::move(lease).error();
  }
  held_[report.id] = *lease;
  // The lease is the fence; the document needs no condition of its own.
  TRY(key_value_.put(report_prefix() + report.id, report.to_json().dump(), store::kAnyRevision));
  return ok();
}

Status Reports::withdraw(const std::string& node) {
  MutexLock lock(mutex_);
  const auto held = held_.find(node);
  if (held == held_.end()) return ok();
  const store::Lease lease = held->second;
  held_.erase(held);
  TRY(leases_.release(lease));
  return key_value_.erase(report_prefix() + node, store::kAnyRevision);
}

Result<std::vector<NodeReport>> Reports::nodes(const guard::Request& request) {
  TRY(guard::require_allowed(authorizer_.authorize(
      request, guard::Action{guard::ActionKind::node_read, "node", "*", Json::object()})));
  const auto items = TRY(key_value_.list(report_prefix(), kNodesMax));
  std::vector<NodeReport> reports;
  MutexLock lock(mutex_);
  std::map<std::string, Seen> still_there;
  for (const store::KeyValueItem& item : items) {
    const Json document = TRY(Json::parse(item.value));
    NodeReport report = TRY(NodeReport::from_json(document));
    report.is_alive = judge_alive(item.key, item.revision);
    still_there[item.key] = seen_[item.key];
    reports.push_back(std::move(report));
  }
  seen_ = std::move(still_there);
  std::sort(reports.begin(), reports.end(),
            [](const NodeReport& a, const NodeReport& b) { return a.id < b.id; });
  return reports;
}

bool Reports::judge_alive(const std::string& key, store::Revision revision) {
  const MonotonicTime now = clock_.now();
  const auto [seen, is_new] = seen_.try_emplace(key, Seen{revision, now});
  if (!is_new && seen->second.revision != revision) seen->second = {revision, now};
  return now - seen->second.at < kTimeToLive;
}

}  // namespace plinth::cluster
