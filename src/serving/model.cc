// SPDX-License-Identifier: Apache-2.0
// Status of a model, for people and clients.
#include "serving/model.h"

namespace plinth::serving {

std::string_view replica_kind_name(ReplicaKind kind) {
  return kind == ReplicaKind::native ? "native" : "upstream";
}

ModelStatus status_of(const Model& model) {
  ModelStatus status;
  status.name = model.name;
  status.kind = replica_kind_name(model.kind);
  status.state = model.failure.empty() ? "ready" : "failed";
  status.detail = model.failure.empty() ? model.detail : model.failure;
  status.summary = model.summary;
  status.running = model.admission.running();
  status.waiting = model.admission.waiting();
  status.since = model.since;
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
