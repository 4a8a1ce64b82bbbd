// SPDX-License-Identifier: Apache-2.0
// The policies in force, and the texts stored beside the shipped ones.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

Result<Json> list(Call& call) {
  Json out = Json::array();
  for (const auto& policy : TRY(call.services.guard.policies(call.request))) {
    Json annotations = Json::object();
    for (const auto& annotation : policy.annotations)
      annotations.set(annotation.key, annotation.value);
    out.push(Json::object({{"id", policy.id},
                           {"effect", policy.effect},
                           {"annotations", std::move(annotations)},
                           {"text", policy.text}}));
  }
  return Json::object({{"policies", std::move(out)}});
}

Result<Json> put(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string text = TRY(json_field::required_string(body, "text"));
  TRY(call.services.guard.put_policies(call.request, call.parameter("name"), text));
  return Json::object({{"stored", call.parameter("name")}});
}

Result<Json> remove(Call& call) {
  TRY(call.services.guard.remove_policies(call.request, call.parameter("name")));
  return Json::object({{"removed", call.parameter("name")}});
}

}  // namespace

void list_policies(Call call) { answer(call, list(call)); }
void put_policies(Call call) { answer(call, put(call)); }
void remove_policies(Call call) { answer(call, remove(call)); }

}  // namespace plinth::api::endpoints
