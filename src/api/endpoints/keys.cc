// SPDX-License-Identifier: Apache-2.0
// API keys of the caller's tenant.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

Result<Json> list(Call& call) {
  Json out = Json::array();
  for (const auto& key : TRY(call.services.guard.list_keys(call.request))) out.push(key.to_json());
  return Json::object({{"keys", std::move(out)}});
}

Result<Json> create(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string name = TRY(json_field::required_string(body, "name"));
  std::set<std::string> roles;
  const Json& given = body["roles"];
  if (!given.is_null() && !given.is_array()) {
    return make_error(ErrorCode::invalid_argument, "roles is not an array of strings", "roles");
  }
  for (const Json& role : given.items()) {
    if (!role.is_string()) {
      return make_error(ErrorCode::invalid_argument,
                        "roles holds a " + std::string(role.type_name()) + "; give strings",
                        "roles");
    }
    roles.insert(role.as_string());
  }
  if (roles.empty()) roles.insert("user");
  const auto key = TRY(call.services.guard.create_key(call.request, name, roles));
  Json out = key.record.to_json();
  out.set("secret", key.secret);
  return out;
}

Result<Json> revoke(Call& call) {
  TRY(call.services.guard.revoke_key(call.request, call.parameter("key")));
  return Json::object({{"revoked", call.parameter("key")}});
}

}  // namespace

void list_keys(Call call) { answer(call, list(call)); }
void create_key(Call call) { answer(call, create(call), 201); }
void revoke_key(Call call) { answer(call, revoke(call)); }

}  // namespace plinth::api::endpoints
