// SPDX-License-Identifier: Apache-2.0
// Nodes that report, fall silent, come back or are impersonated, over the embedded store.
#include "cluster/reports.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace plinth::cluster {
namespace {

class PermittingAuthorizer final : public guard::Authorizer {
 public:
  guard::Decision authorize(const guard::Request& request, const guard::Action& action) override {
    EXPECT_EQ(action.kind, guard::ActionKind::node_read);
    guard::Decision decision;
    decision.id = "dec_1";
    decision.effect =
        request.principal.id == "mallory" ? guard::Effect::deny : guard::Effect::allow;
    decision.reason = "the test's rule";
    return decision;
  }
  guard::Decision preview(const guard::Request&, const guard::Action&) const override { return {}; }
};

class ReportsOfNodes : public ::testing::Test {
 protected:
  ReportsOfNodes()
      : folder_((std::filesystem::temp_directory_path() /
                 ("plinth-reports-" + std::to_string(getpid()) + "-" +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                    .string()) {
    std::filesystem::remove_all(folder_);
    store_ = MUST(store::open_embedded(
                      {.folder = folder_, .disk = disk_, .clock = clock_, .random = random_}),
                  "a new folder can be opened");
  }
  ~ReportsOfNodes() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  static NodeReport report(const std::string& id) {
    NodeReport made;
    made.id = id;
    made.version = "0.1.0";
    return made;
  }

  const std::string folder_;
  SystemDisk disk_;
  ManualClock clock_;
  SystemRandom random_;
  std::unique_ptr<store::Store> store_;
  PermittingAuthorizer authorizer_;
};

TEST_F(ReportsOfNodes, are_listed_by_id_with_what_publish_fills_in) {
  Reports reports(*store_, authorizer_, clock_);
  ASSERT_TRUE(reports.publish(report("b")).is_ok());
  ASSERT_TRUE(reports.publish(report("a")).is_ok());
  const auto nodes = reports.nodes({});
  ASSERT_TRUE(nodes.is_ok()) << nodes.error().message;
  ASSERT_EQ(nodes->size(), 2u);
  EXPECT_EQ(nodes->at(0).id, "a");
  EXPECT_EQ(nodes->at(1).id, "b");
  EXPECT_FALSE(nodes->at(0).os.empty());
  EXPECT_FALSE(nodes->at(0).gpu_detail.empty());
  EXPECT_EQ(nodes->at(0).written_unix_ms, clock_.wall().unix_ms);
}

TEST_F(ReportsOfNodes, are_kept_from_those_who_may_not_read_them) {
  Reports reports(*store_, authorizer_, clock_);
  guard::Request request;
  request.principal.id = "mallory";
  EXPECT_EQ(reports.nodes(request).error().code, ErrorCode::denied);
}

TEST_F(ReportsOfNodes, go_dead_when_they_stop_changing_and_alive_when_they_return) {
  Reports reports(*store_, authorizer_, clock_);
  ASSERT_TRUE(reports.publish(report("a")).is_ok());
  ASSERT_TRUE(reports.publish(report("b")).is_ok());
  ASSERT_TRUE(reports.nodes({}).is_ok());
  clock_.advance(Reports::kTimeToLive / 2);
  ASSERT_TRUE(reports.publish(report("b")).is_ok());
  ASSERT_TRUE(reports.nodes({}).is_ok());
  clock_.advance(Reports::kTimeToLive / 2 + std::chrono::milliseconds(1));
  auto nodes = reports.nodes({});
  EXPECT_FALSE(nodes->at(0).is_alive);
  EXPECT_TRUE(nodes->at(1).is_alive);
  ASSERT_TRUE(reports.publish(report("a")).is_ok());
  EXPECT_TRUE(reports.nodes({})->at(0).is_alive);
}

TEST_F(ReportsOfNodes, disappear_when_the_node_withdraws) {
  Reports reports(*store_, authorizer_, clock_);
  ASSERT_TRUE(reports.publish(report("a")).is_ok());
  ASSERT_TRUE(reports.withdraw("a").is_ok());
  EXPECT_TRUE(reports.nodes({})->empty());
  EXPECT_TRUE(reports.withdraw("a").is_ok());
}

TEST_F(ReportsOfNodes, are_refused_when_another_store_holds_the_node) {
  store::Leases other(store_->key_value(), clock_);
  ASSERT_TRUE(other.acquire("default/node_lease/a", "another", Reports::kTimeToLive).is_ok());
  Reports reports(*store_, authorizer_, clock_);
  const Status published = reports.publish(report("a"));
  ASSERT_TRUE(published.is_error());
  EXPECT_EQ(published.error().code, ErrorCode::conflict);
  EXPECT_TRUE(reports.nodes({})->empty());
  // The other one falls silent: after its time to live the node is ours.
  clock_.advance(Reports::kTimeToLive + std::chrono::milliseconds(1));
  EXPECT_TRUE(reports.publish(report("a")).is_ok());
}

}  // namespace
}  // namespace plinth::cluster
