// SPDX-License-Identifier: Apache-2.0
// Audit records. Every member is bounded, so that no name or label can make a decision too large to
// record.
#include "guard/authorizer/audit_record.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "guard/authorizer/query.h"

namespace plinth::guard {
namespace {

constexpr size_t kTextBytesMax = 256;
constexpr size_t kListMax = 32;

// What differs between records of the same decision, in the order of canonical JSON.
constexpr std::array<std::string_view, 4> kOwnMembers = {"id", "request_id", "time", "trace"};

std::string digest_of(const Json& json) { return hex(sha256(json.canonical())); }

template <typename Texts>
Json bounded_list(const Texts& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    if (list.size() == kListMax) break;
    list.push(shorten(text, kTextBytesMax));
  }
  return list;
}

// The label's sources and readers, cut to a bound; its digest stands for all of them.
Json label_record(const Label& label) {
  std::vector<std::string> untrusted;
  for (const Source& source : label.integrity.sources()) {
    if (source.trust == Trust::untrusted) untrusted.push_back(source.kind + ":" + source.id);
  }
  Json record = Json::object({{"is_trusted", label.integrity.is_trusted()},
                              {"sources", label.integrity.sources().size()},
                              {"untrusted_sources", bounded_list(untrusted)},
                              {"is_public", label.confidentiality.is_public()},
                              {"sha256", digest_of(label.to_json())}});
  if (const auto& readers = label.confidentiality.readers()) {
    record.set("readers", bounded_list(*readers));
  }
  return record;
}

Json tool_record(const Action& action) {
  Json record = Json::object(
      {{"name", shorten(action.resource_id, kTextBytesMax)}, {"effect", tool_effect(action)}});
  const Json& sink = action.facts["sink"];
  if (sink.is_object()) {
    record.set("sink",
               shorten(sink["kind"].as_string() + ":" + sink["id"].as_string(), kTextBytesMax));
    record.set("sink_endorsed", action.facts["sink_endorsed"].as_bool(false));
  }
  return record;
}

}  // namespace

Json public_record(const Request& request, const Action& action, const Decision& decision,
                   WallTime time) {
  return Json::object(
      {{"id", decision.id},
       {"time", time.iso8601()},
       {"tenant", request.principal.tenant},
       {"principal", shorten(request.principal.id, kTextBytesMax)},
       {"action", action_name(action.kind)},
       {"resource", shorten(action.resource_type + ":" + action.resource_id, kTextBytesMax)},
       {"effect", effect_name(decision.effect)},
       {"reason", decision.reason},
       {"policies", bounded_list(decision.policies)}});
}

Json audit_record(const Request& request, const Action& action, const Decision& decision,
                  WallTime time) {
  Json record = public_record(request, action, decision, time);
  record.set("principal_kind", principal_kind_name(request.principal.kind));
  record.set("roles", bounded_list(request.principal.roles));
  record.set("delegation", bounded_list(request.delegation));
  record.set("label", label_record(request.label));
  record.set("facts_sha256", digest_of(action.facts));
  if (const Json* arguments = action.facts.find("arguments")) {
    record.set("arguments_sha256", digest_of(*arguments));
  }
  if (action.kind == ActionKind::tool_call) record.set("tool", tool_record(action));
  if (!decision.errors.empty()) record.set("errors", bounded_list(decision.errors));
  if (!decision.obligations.empty()) record.set("obligations", bounded_list(decision.obligations));
  if (!decision.approval.empty()) record.set("approval", decision.approval);
  if (action.facts["run"].is_string()) {
    record.set("run", shorten(action.facts["run"].as_string(), kTextBytesMax));
  }
  if (request.trace != telemetry::TraceId{}) record.set("trace", request.trace.hex());
  if (!request.request_id.empty()) {
    record.set("request_id", shorten(request.request_id, kTextBytesMax));
  }
  return record;
}

AuditForm::AuditForm(const Json& record) {
  for (const auto& [key, value] : record.members()) {
    if (std::ranges::find(kOwnMembers, key) != kOwnMembers.end()) continue;
    Member member{key, ","};
    json_escape_to(member.text, key);
    member.text += ":" + value.canonical();
    members_.push_back(std::move(member));
  }
  std::ranges::sort(members_, {}, &Member::key);
}

std::string AuditForm::fill(std::string_view id, WallTime time, const Request& request) const {
  std::array<std::string, kOwnMembers.size()> own = {
      std::string(id),
      request.request_id.empty() ? std::string() : shorten(request.request_id, kTextBytesMax),
      time.iso8601(),
      request.trace == telemetry::TraceId{} ? std::string() : request.trace.hex(),
  };
  std::string text;
  text.reserve(1024);
  size_t next = 0;
  const auto write_own = [&](std::string_view before) {
    for (; next < own.size() && (before.empty() || kOwnMembers[next] < before); ++next) {
      if (own[next].empty()) continue;
      text.append(",\"").append(kOwnMembers[next]).append("\":");
      json_escape_to(text, own[next]);
    }
  };
  for (const Member& member : members_) {
    write_own(member.key);
    text += member.text;
  }
  write_own({});
  text.front() = '{';
  return text += '}';
}

}  // namespace plinth::guard
