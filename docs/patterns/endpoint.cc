// SPDX-License-Identifier: Apache-2.0
// What a caller learns from this endpoint.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

void NAME(Call call) {
  // The module that owns the data authorizes call.request; an endpoint only translates.
  auto models = call.services.serving.models(call.request);
  if (models.is_error()) return answer(call, models.error());
  answer(call, Json::object({{"count", static_cast<int64_t>(models->size())}}));
}

}  // namespace plinth::api::endpoints
