// SPDX-License-Identifier: Apache-2.0
// Memory: remember, recall, list, forget.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

Result<Json> remember_one(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string text = TRY(json_field::required_string(body, "text"));
  const auto id = TRY(json_field::optional_string(body, "id"));
  const Json& attributes = body["attributes"];
  if (!attributes.is_null() && !attributes.is_object()) {
    return make_error(ErrorCode::invalid_argument, "attributes is not an object", "attributes");
  }
  const auto record = TRY(call.services.memory.remember(
      call.request, call.parameter("space"), text,
      attributes.is_null() ? Json::object() : attributes, id.value_or("")));
  return record.to_json();
}

Result<Json> recall_some(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string query = TRY(json_field::required_string(body, "query"));
  const auto limit =
      TRY(json_field::optional_integer(body, "limit", 1, static_cast<int64_t>(memory::kRecallMax)));
  const auto found = TRY(call.services.memory.recall(call.request, call.parameter("space"), query,
                                                     static_cast<size_t>(limit.value_or(5))));
  Json list = Json::array();
  for (const auto& recalled : found) {
    list.push(Json::object({{"record", recalled.record.to_json()},
                            {"score", recalled.score},
                            {"vector_score", recalled.vector_score},
                            {"word_score", recalled.word_score}}));
  }
  return Json::object({{"results", std::move(list)}});
}

Result<Json> records(Call& call) {
  const size_t limit = TRY(limit_of(call, 100, 1000));
  const auto found = TRY(call.services.memory.list(call.request, call.parameter("space"), limit));
  Json list = Json::array();
  for (const auto& record : found) list.push(record.to_json());
  return Json::object({{"records", std::move(list)}});
}

Result<Json> spaces(Call& call) {
  Json list = Json::array();
  for (const auto& space : TRY(call.services.memory.spaces(call.request))) {
    list.push(Json::object({{"name", space.name},
                            {"embedder", space.embedder},
                            {"dimensions", static_cast<int64_t>(space.dimensions)},
                            {"records", static_cast<int64_t>(space.records)}}));
  }
  return Json::object({{"spaces", std::move(list)}});
}

Result<Json> forget_one(Call& call) {
  TRY(call.services.memory.forget(call.request, call.parameter("space"), call.parameter("record")));
  return Json::object({{"forgotten", call.parameter("record")}});
}

}  // namespace

void list_spaces(Call call) { answer(call, spaces(call)); }
void list_records(Call call) { answer(call, records(call)); }
void remember(Call call) { answer(call, remember_one(call), 201); }
void recall(Call call) { answer(call, recall_some(call)); }
void forget(Call call) { answer(call, forget_one(call)); }

}  // namespace plinth::api::endpoints
