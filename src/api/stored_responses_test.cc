// SPDX-License-Identifier: Apache-2.0
// Kept responses: whose they are, how long, and what of them survives.
#include "api/stored_responses.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "store/store.h"

namespace plinth::api {
namespace {

using protocol::responses::Item;

// Everyone may do everything, except the principal "mallory".
class TestAuthorizer final : public guard::Authorizer {
 public:
  guard::Decision authorize(const guard::Request& request, const guard::Action& action) override {
    actions.push_back(action);
    return preview(request, action);
  }
  guard::Decision preview(const guard::Request& request, const guard::Action&) const override {
    guard::Decision decision;
    decision.effect =
        request.principal.id == "mallory" ? guard::Effect::deny : guard::Effect::allow;
    return decision;
  }
  std::vector<guard::Action> actions;
};

class StoredResponsesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("plinth-responses-" + std::to_string(::getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    open();
  }
  void TearDown() override {
    stored_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    stored_.reset();
    store_.reset();
    auto store = store::open_embedded({folder_.string(), disk_, clock_, random_});
    ASSERT_TRUE(store.is_ok()) << store.error().message;
    store_ = std::move(*store);
    stored_ = std::make_unique<StoredResponses>(
        store_->key_value(), authorizer_, clock_,
        StoredResponsesLimits{.responses_max = 3, .bytes_max = 8192});
  }

  static guard::Request as(const std::string& principal, const std::string& tenant = "default") {
    guard::Request request;
    request.principal.id = principal;
    request.principal.tenant = tenant;
    return request;
  }

  static std::vector<Item> question(const std::string& text = "what?") {
    std::vector<Item> items(1);
    items[0].text = text;
    protocol::responses::name_items(items, "resp_0");
    return items;
  }

  Json response(const std::string& id, const std::string& text = "that") const {
    Item answer;
    answer.id = "msg_1";
    answer.role = protocol::Role::assistant;
    answer.text = text;
    return Json::object({{"id", id},
                         {"created_at", clock_.wall().unix_ms / 1000},
                         {"model", "m"},
                         {"output", Json::array().push(encode_item(answer))}});
  }

  void put(const guard::Request& request, const std::string& id, const std::string& text = "that") {
    const Status kept = stored_->put(request, response(id, text), question());
    ASSERT_TRUE(kept.is_ok()) << kept.error().message;
  }

  ErrorCode code_of_get(const guard::Request& request, const std::string& id) {
    const auto found = stored_->get(request, id);
    return found.is_ok() ? ErrorCode::internal : found.error().code;
  }

  std::filesystem::path folder_;
  SystemDisk disk_;
  ManualClock clock_;
  SystemRandom random_;
  TestAuthorizer authorizer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StoredResponses> stored_;
};

TEST_F(StoredResponsesTest, are_there_after_a_restart_with_the_conversation) {
  put(as("alice"), "resp_1");
  open();
  const auto found = stored_->get(as("alice"), "resp_1");
  ASSERT_TRUE(found.is_ok()) << found.error().message;
  EXPECT_EQ(found->response["id"].as_string(), "resp_1");
  ASSERT_EQ(found->input.size(), 1u);
  EXPECT_EQ(found->input[0].id, "msg_0i0");
  const auto conversation = found->conversation();
  ASSERT_EQ(conversation.size(), 2u);
  EXPECT_EQ(conversation[1].text, "that");
  EXPECT_EQ(conversation[1].role, protocol::Role::assistant);
}

TEST_F(StoredResponsesTest, belong_to_one_principal_of_one_tenant) {
  put(as("alice"), "resp_1");
  EXPECT_EQ(code_of_get(as("bob"), "resp_1"), ErrorCode::not_found);
  EXPECT_EQ(code_of_get(as("alice", "other"), "resp_1"), ErrorCode::not_found);
  EXPECT_EQ(stored_->remove(as("bob"), "resp_1").error().code, ErrorCode::not_found);
  for (const char* id : {"resp_2", "", "resp_", "../resp_1", "resp_1/x", "msg_1"}) {
    EXPECT_EQ(code_of_get(as("alice"), id), ErrorCode::not_found) << id;
  }
}

TEST_F(StoredResponsesTest, are_told_only_to_who_may_call_their_model) {
  put(as("mallory"), "resp_1");
  EXPECT_EQ(code_of_get(as("mallory"), "resp_1"), ErrorCode::denied);
  ASSERT_FALSE(authorizer_.actions.empty());
  EXPECT_EQ(authorizer_.actions[0].kind, guard::ActionKind::model_call);
  EXPECT_EQ(authorizer_.actions[0].resource_id, "m");
}

TEST_F(StoredResponsesTest, can_be_removed_one_by_one) {
  put(as("alice"), "resp_1");
  put(as("alice"), "resp_2");
  ASSERT_TRUE(stored_->remove(as("alice"), "resp_1").is_ok());
  EXPECT_EQ(code_of_get(as("alice"), "resp_1"), ErrorCode::not_found);
  EXPECT_EQ(stored_->remove(as("alice"), "resp_1").error().code, ErrorCode::not_found);
  EXPECT_TRUE(stored_->get(as("alice"), "resp_2").is_ok());
}

TEST_F(StoredResponsesTest, leave_when_newer_ones_need_their_room_or_after_30_days) {
  for (size_t i = 0; i <= 3; ++i) {
    put(as("alice"), "resp_n" + std::to_string(i));
  }
  EXPECT_EQ(code_of_get(as("alice"), "resp_n0"), ErrorCode::not_found);
  EXPECT_TRUE(stored_->get(as("alice"), "resp_n1").is_ok());
  clock_.advance(std::chrono::hours(24 * 31));
  EXPECT_EQ(code_of_get(as("alice"), "resp_n1"), ErrorCode::not_found);
  put(as("alice"), "resp_new");
  EXPECT_TRUE(stored_->get(as("alice"), "resp_new").is_ok());
  const auto rows = store_->key_value().list("default/response/", 10);
  ASSERT_TRUE(rows.is_ok());
  EXPECT_EQ(rows->size(), 1u);
}

TEST_F(StoredResponsesTest, of_one_principal_have_a_size_together) {
  put(as("alice"), "resp_1", std::string(5000, 'x'));
  put(as("bob"), "resp_2", std::string(5000, 'x'));
  put(as("alice"), "resp_3", std::string(5000, 'x'));
  EXPECT_EQ(code_of_get(as("alice"), "resp_1"), ErrorCode::not_found);
  EXPECT_TRUE(stored_->get(as("alice"), "resp_3").is_ok());
  EXPECT_TRUE(stored_->get(as("bob"), "resp_2").is_ok());
}

TEST_F(StoredResponsesTest, have_a_size) {
  EXPECT_TRUE(StoredResponses::check_settings(Json::object({{"instructions", "be kind"}})).is_ok());
  const std::string long_ones(StoredResponses::kSettingsBytesMax, 'x');
  EXPECT_EQ(
      StoredResponses::check_settings(Json::object({{"instructions", long_ones}})).error().param,
      "instructions");
  EXPECT_TRUE(StoredResponses::check_input(question()).is_ok());
  const auto refused =
      StoredResponses::check_input(question(std::string(StoredResponses::kInputBytesMax, 'x')));
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_EQ(refused.error().param, "input");
  const Json large = response("resp_1", std::string(StoredResponses::kResponseBytesMax, 'x'));
  EXPECT_EQ(stored_->put(as("alice"), large, question()).error().code, ErrorCode::too_large);
  EXPECT_EQ(code_of_get(as("alice"), "resp_1"), ErrorCode::not_found);
}

TEST_F(StoredResponsesTest, leave_out_log_probabilities) {
  Json given = response("resp_1");
  Json part = given["output"].items()[0]["content"].items()[0];
  part.set("logprobs", Json::array().push(Json::object({{"token", "a"}})));
  Json item = given["output"].items()[0];
  item.set("content", Json::array().push(std::move(part)));
  given.set("output", Json::array().push(std::move(item)));
  ASSERT_TRUE(stored_->put(as("alice"), given, question()).is_ok());
  const auto found = stored_->get(as("alice"), "resp_1");
  ASSERT_TRUE(found.is_ok());
  EXPECT_EQ(found->response["output"].dump().find("token"), std::string::npos);
}

}  // namespace
}  // namespace plinth::api
