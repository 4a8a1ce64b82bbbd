// SPDX-License-Identifier: Apache-2.0
// What models the node has and how they are.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

void model_statuses(Call call) {
  auto models = call.services.serving.models(call.request);
  if (models.is_error()) return answer(call, models.error());
  Json list = Json::array();
  for (const auto& model : *models) list.push(model.to_json());
  answer(call, Json::object({{"models", std::move(list)}}));
}

void model_status(Call call) {
  auto model = call.services.serving.model(call.request, call.parameter("model"));
  if (model.is_error()) return answer(call, model.error());
  answer(call, model->to_json());
}

}  // namespace plinth::api::endpoints
