// SPDX-License-Identifier: Apache-2.0
// The audit log: the newest decisions, one decision, and the proof over all of them.
#include "api/endpoint.h"
#include "api/records.h"

namespace plinth::api::endpoints {

namespace {

Result<Json> latest(Call& call) {
  const size_t limit = TRY(limit_of(call, 50, 1000));
  Json list = Json::array();
  for (const auto& entry : TRY(call.services.guard.audit_latest(call.request, limit))) {
    list.push(audit_json(entry));
  }
  return Json::object({{"entries", std::move(list)}});
}

Result<Json> one(Call& call) {
  return audit_json(TRY(call.services.guard.audit_find(call.request, call.parameter("decision"))));
}

Result<Json> proof(Call& call) {
  const auto proof = TRY(call.services.guard.audit_verify(call.request));
  return Json::object({{"is_intact", proof.is_intact},
                       {"entries", proof.entries},
                       {"head", proof.head},
                       {"first_mismatch", proof.first_mismatch}});
}

}  // namespace

void audit_latest(Call call) { answer(call, latest(call)); }
void audit_entry(Call call) { answer(call, one(call)); }
void audit_proof(Call call) { answer(call, proof(call)); }

}  // namespace plinth::api::endpoints
