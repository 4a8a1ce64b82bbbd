// SPDX-License-Identifier: Apache-2.0
// A guard over a store in memory with the shipped policies, and the requests most tests make.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/random.h"
#include "guard/guard.h"
#include "guard/testing/memory_store.h"

namespace plinth::guard::testing {

inline std::string shipped_policies() {
  std::ifstream file(std::string(PLINTH_SOURCE_DIR) + "/policies/default.cedar");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

class GuardFixture : public ::testing::Test {
 protected:
  GuardFixture() { open(shipped_policies()); }

  void open(const std::string& policies) {
    guard_.reset();
    auto guard = create_guard({store_, clock_, random_, metrics_, policies});
    ASSERT_TRUE(guard.is_ok()) << guard.error().message;
    guard_ = std::move(*guard);
  }

  static Request request_of(Principal principal) {
    Request request;
    request.principal = std::move(principal);
    return request;
  }
  static Request as_operator() { return request_of(local_operator()); }
  static Request as_user() {
    return request_of(Principal{"key_user", "default", PrincipalKind::user, {"user"}});
  }
  static Request as_agent() {
    return as_user().delegate(
        Principal{"agent:accountant", "default", PrincipalKind::agent, {"agent"}}, Scope{});
  }
  static Request tainted(Request request, const std::string& file) {
    request.label = request.label.join(Label::of(Source{"file", file, Trust::untrusted}));
    return request;
  }
  static Action tool(const std::string& name, const std::string& effect,
                     const std::string& sink_kind, const std::string& sink_id, bool is_endorsed) {
    return Action{ActionKind::tool_call, "tool", name,
                  Json::object({{"tool", Json::object({{"name", name}, {"effect", effect}})},
                                {"arguments", Json::object({{"target", sink_id}})},
                                {"sink", Json::object({{"kind", sink_kind}, {"id", sink_id}})},
                                {"sink_endorsed", is_endorsed}})};
  }
  Decision decide(const Request& request, const Action& action) {
    return guard_->authorizer().authorize(request, action);
  }

  MemoryStore store_;
  ManualClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  std::unique_ptr<Guard> guard_;
};

}  // namespace plinth::guard::testing
