// SPDX-License-Identifier: Apache-2.0
// Any bytes are either refused with a position or become policies that evaluate without a crash.
// Input: policy text, then optionally a line "----" and the JSON context.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "guard/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth;
  using namespace plinth::guard;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = input.find("\n----\n");
  const auto policies = PolicySet::parse(input.substr(0, cut));
  if (policies.is_error()) {
    CHECK(!policies.error().message.empty());
    return 0;
  }
  PolicyQuery query;
  query.principal = {"Principal", "alice"};
  query.action = {"Action", "tool.call"};
  query.resource = {"Tool", "write_file"};
  // A cycle in the hierarchy is part of every run.
  query.entities.push_back(
      {query.principal, Json::object({{"tenant", "default"}}), {{"Role", "a"}}});
  query.entities.push_back({{"Role", "a"}, Json::object(), {{"Role", "b"}}});
  query.entities.push_back({{"Role", "b"}, Json::object(), {{"Role", "a"}}});
  if (cut != std::string_view::npos) {
    auto context = Json::parse(input.substr(cut + 6));
    if (context.is_ok()) query.context = *context;
  }
  const PolicyAnswer answer = policies->evaluate(query);
  CHECK(!answer.is_allowed || !answer.determining.empty());
  return 0;
}
