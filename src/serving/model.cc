// SPDX-License-Identifier: Apache-2.0
// Status of a model, for people and clients.
#include "serving/model.h"

namespace plinth::serving {

std::string_view replica_kind_name(ReplicaKind kind) {
  return kind == ReplicaKind::native ? "native" : "upstream";
}

namespace {

// One replica that can be called is enough; one that nobody has called yet may be.
Reach reach_of(const Model& model) {
  Reach best{Reach::Kind::unreachable, "it has no replica"};
  for (const auto& entry : model.replicas) {
    Reach reach = entry->replica->reach();
    if (reach.kind == Reach::Kind::reachable) return reach;
    if (best.kind == Reach::Kind::unreachable) best = std::move(reach);
  }
  return best;
}

std::string_view state_name(Reach::Kind kind) {
  switch (kind) {
    case Reach::Kind::reachable:
      return "ready";
    case Reach::Kind::unchecked:
      return "unchecked";
    case Reach::Kind::unreachable:
      break;
  }
  return "unreachable";
}

}  // namespace

ModelStatus status_of(const Model& model) {
  ModelStatus status;
  status.name = model.name;
  status.kind = model.is_embedder ? "embedder" : replica_kind_name(model.kind);
  if (model.failure.empty()) {
    const Reach reach = reach_of(model);
    status.state = state_name(reach.kind);
    status.detail = model.detail;
    if (!reach.cause.empty()) status.detail += ", unreachable: " + reach.cause;
  } else {
    status.state = "failed";
    status.detail = model.failure;
  }
  status.summary = model.summary;
  status.running = model.admission.running();
  status.waiting = model.admission.waiting();
  status.since = model.since;
  return status;
}

ModelStatus status_of_adapter(const Model& model, const std::string& adapter) {
  ModelStatus status = status_of(model);
  status.name = model.name + ":" + adapter;
  status.kind = "adapter";
  status.detail = "adapter " + adapter + " of " + model.name;
  status.running = status.waiting = 0;  // counted with the model's
  return status;
}

Json ModelStatus::to_json() const {
  return Json::object({
      {"name", name},
      {"kind", kind},
      {"state", state},
      {"detail", detail},
      {"summary", summary},
      {"running", running},
      {"waiting", waiting},
      {"since", since.iso8601()},
  });
}

}  // namespace plinth::serving
