// SPDX-License-Identifier: Apache-2.0
#include "serving/router/routes.h"

#include <gtest/gtest.h>

namespace plinth::serving {
namespace {

using Names = std::vector<std::string>;

TEST(Routes, a_name_that_is_no_route_is_the_model_itself) {
  EXPECT_EQ(Routes().models_for("m", "x"), Names{"m"});
}

TEST(Routes, splits_by_weight_and_leads_a_request_to_one_target) {
  Routes routes;
  ASSERT_TRUE(routes.add({"chat", {{"large", 9}, {"small", 1}}, {"backup", "small"}}).is_ok());
  int small = 0;
  constexpr int kAsked = 20'000;
  for (int i = 0; i < kAsked; ++i) {
    const std::string request = "req_" + std::to_string(i);
    const Names models = routes.models_for("chat", request);
    ASSERT_EQ(models, routes.models_for("chat", request));
    small += models.front() == "small" ? 1 : 0;
    EXPECT_EQ(models, models.front() == "small" ? (Names{"small", "backup"})
                                                : (Names{"large", "backup", "small"}));
  }
  // Binomial: five standard deviations are 212.
  EXPECT_NEAR(small, kAsked / 10, 212);
}

TEST(Routes, says_what_is_wrong_with_one) {
  Routes routes;
  const auto refused = [&](RouteSpec spec) { return routes.add(std::move(spec)).error().message; };
  EXPECT_EQ(refused({"", {{"m"}}, {}}), "route : name: expected the name that clients ask for");
  EXPECT_EQ(refused({"r", {}, {}}), "route r: targets: expected at least one model");
  EXPECT_EQ(refused({"r", {{"m", 0}}, {}}), "route r: weight: of m: expected a number above 0");
  EXPECT_EQ(refused({"r", {{"m"}, {"m"}}, {}}), "route r: targets: m is there twice");
  EXPECT_EQ(refused({"r", {{"m"}}, {"n", "n"}}), "route r: fallbacks: n is there twice");
  EXPECT_EQ(refused({"r", {{"m"}}, Names(16, "n")}),
            "route r: targets: with the fallbacks, 16 models at most");
  ASSERT_TRUE(routes.add({"r", {{"m"}}, {}}).is_ok());
  EXPECT_EQ(refused({"r", {{"m"}}, {}}), "route r is there twice");
}

TEST(Routes, describes_itself) {
  EXPECT_EQ(description_of({"r", {{"m"}}, {}}), "to m");
  EXPECT_EQ(description_of({"r", {{"large", 9}, {"small", 1}}, {"backup"}}),
            "90 % to large, 10 % to small, then backup");
}

}  // namespace
}  // namespace plinth::serving
