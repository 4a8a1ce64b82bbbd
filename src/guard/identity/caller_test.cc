// SPDX-License-Identifier: Apache-2.0
// The local door, case by case.
#include <gtest/gtest.h>

#include "guard/identity.h"
#include "guard/testing/memory_store.h"

namespace plinth::guard {
namespace {

class CallerTest : public ::testing::Test {
 protected:
  CallerTest() {
    options_.allowed_hosts = {"127.0.0.1:7070", "localhost:7070"};
    options_.allowed_origins = {"http://127.0.0.1:7070"};
    options_.console_token = "console-secret";
    facts_.host = "127.0.0.1:7070";
    facts_.is_loopback = true;
    secret_ = keys_.create("acme", "one", {"user"})->secret;
  }
  Result<Principal> call() { return authenticate_caller(facts_, options_, keys_); }
  ErrorCode refused() {
    const auto principal = call();
    EXPECT_TRUE(principal.is_error());
    return principal.is_error() ? principal.error().code : ErrorCode::internal;
  }

  testing::MemoryKeyValue key_value_;
  ManualClock clock_;
  SeededRandom random_{32};
  Keys keys_{key_value_, clock_, random_};
  CallerFacts facts_;
  DoorOptions options_;
  std::string secret_;
};

TEST_F(CallerTest, a_program_on_loopback_without_a_key_is_the_local_operator) {
  const auto principal = call();
  ASSERT_TRUE(principal.is_ok());
  EXPECT_EQ(principal->id, "local-operator");
  EXPECT_EQ(principal->tenant, "default");
  EXPECT_EQ(principal->kind, PrincipalKind::operator_);
}

TEST_F(CallerTest, an_unknown_host_is_denied_by_name_whatever_else_is_right) {
  facts_.host = "rebound.example:7070";
  facts_.bearer = secret_;
  const auto principal = call();
  ASSERT_TRUE(principal.is_error());
  EXPECT_EQ(principal.error().code, ErrorCode::denied);
  EXPECT_NE(principal.error().message.find("rebound.example:7070"), std::string::npos);
  for (const char* host : {"", "127.0.0.1", "127.0.0.1:7071", "localhost:7070.example.org"}) {
    facts_.host = host;
    EXPECT_EQ(refused(), ErrorCode::denied) << host;
  }
  facts_.host = "LOCALHOST:7070";
  EXPECT_TRUE(call().is_ok());
}

TEST_F(CallerTest, a_listed_name_without_a_port_stands_for_any_port) {
  options_.allowed_hosts = {"node.example"};
  facts_.host = "node.example:8443";
  EXPECT_TRUE(call().is_ok());
  facts_.host = "node.example";
  EXPECT_TRUE(call().is_ok());
  facts_.host = "other.node.example:8443";
  EXPECT_EQ(refused(), ErrorCode::denied);
}

TEST_F(CallerTest, an_address_is_answered_only_where_the_node_listens_beyond_loopback) {
  for (const char* host : {"192.0.2.7:7070", "192.0.2.7", "[2001:db8::1]:7070"}) {
    options_.answers_addresses = false;
    facts_.host = host;
    EXPECT_EQ(refused(), ErrorCode::denied) << host;
    options_.answers_addresses = true;
    EXPECT_TRUE(call().is_ok()) << host;
  }
  facts_.host = "rebound.example:7070";
  EXPECT_EQ(refused(), ErrorCode::denied);
}

TEST_F(CallerTest, the_page_of_the_host_that_was_called_is_its_own_origin) {
  options_.allowed_hosts = {"node.example:7070"};
  facts_.host = "node.example:7070";
  facts_.origin = "http://node.example:7070";
  facts_.bearer = secret_;
  EXPECT_TRUE(call().is_ok());
  facts_.origin = "http://node.example:7071";
  EXPECT_EQ(refused(), ErrorCode::denied);
}

TEST_F(CallerTest, an_origin_that_is_not_listed_is_denied_even_with_a_key_or_the_console_token) {
  facts_.bearer = secret_;
  facts_.console_token = "console-secret";
  for (const char* origin : {"http://evil.example", "null", "", "http://127.0.0.1:7070.evil"}) {
    facts_.origin = origin;
    EXPECT_EQ(refused(), ErrorCode::denied) << origin;
  }
}

TEST_F(CallerTest, a_browser_without_login_is_unauthenticated) {
  facts_.origin = "http://127.0.0.1:7070";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.console_token = "console-secret";
  EXPECT_EQ(call()->id, "local-operator");
  facts_.console_token = std::nullopt;
  facts_.bearer = secret_;
  EXPECT_EQ(call()->tenant, "acme");
}

TEST_F(CallerTest, a_browsers_get_without_origin_still_needs_the_login) {
  for (const char* site : {"same-origin", "none", "Same-Origin"}) {
    facts_.fetch_site = site;
    facts_.console_token = std::nullopt;
    EXPECT_EQ(refused(), ErrorCode::unauthenticated) << site;
    facts_.console_token = "console-secret";
    EXPECT_EQ(call()->id, "local-operator") << site;
  }
  facts_.fetch_site = std::nullopt;
  facts_.console_token = std::nullopt;
  facts_.fetch_dest = "empty";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = secret_;
  EXPECT_EQ(call()->tenant, "acme");
}

TEST_F(CallerTest, a_call_that_another_sites_page_caused_is_denied_whatever_it_carries) {
  facts_.bearer = secret_;
  facts_.console_token = "console-secret";
  for (const char* site : {"cross-site", "same-site", "", "anything"}) {
    facts_.fetch_site = site;
    EXPECT_EQ(refused(), ErrorCode::denied) << site;
  }
}

TEST_F(CallerTest, a_page_whose_origin_is_listed_may_call_with_a_key_from_its_own_site) {
  options_.allowed_origins = {"https://app.example"};
  facts_.origin = "https://app.example";
  facts_.fetch_site = "cross-site";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = secret_;
  EXPECT_EQ(call()->tenant, "acme");
}

TEST_F(CallerTest, a_wrong_key_or_token_never_falls_back_to_the_local_operator) {
  facts_.bearer = "plk_wrong";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = "";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = "plk_wrong";
  facts_.console_token = "console-secret";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = std::nullopt;
  facts_.console_token = "stale";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
}

TEST_F(CallerTest, a_word_sent_as_a_key_is_ignored_only_on_loopback_while_no_key_exists) {
  facts_.bearer = "unused";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);  // a key exists
  ASSERT_TRUE(keys_.revoke("acme", keys_.list("acme")->front().id).is_ok());
  EXPECT_EQ(call()->id, "local-operator");
  facts_.bearer = secret_;
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);  // in the form of a key
  facts_.bearer = "unused";
  facts_.origin = "http://127.0.0.1:7070";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);  // a browser
  facts_.origin = std::nullopt;
  facts_.fetch_site = "none";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);  // a browser's GET
  facts_.fetch_site = std::nullopt;
  facts_.is_loopback = false;
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.is_loopback = true;
  options_.is_key_required = true;
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
}

TEST_F(CallerTest, an_unset_console_token_admits_nobody) {
  options_.console_token = "";
  facts_.console_token = "";
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
}

TEST_F(CallerTest, a_key_is_needed_from_afar_and_where_the_node_listens_to_all) {
  facts_.is_loopback = false;
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.is_loopback = true;
  options_.is_key_required = true;
  EXPECT_EQ(refused(), ErrorCode::unauthenticated);
  facts_.bearer = secret_;
  EXPECT_TRUE(call().is_ok());
}

TEST_F(CallerTest, host_alone_can_be_checked_for_answers_that_name_no_tenant) {
  EXPECT_TRUE(check_host(facts_, options_).is_ok());
  facts_.host = "rebound.example:7070";
  EXPECT_EQ(check_host(facts_, options_).error().code, ErrorCode::denied);
}

}  // namespace
}  // namespace plinth::guard
