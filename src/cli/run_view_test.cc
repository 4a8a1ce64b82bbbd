// SPDX-License-Identifier: Apache-2.0
// Every kind of entry that docs/run_journal.md lists is told in words.
#include "cli/run_view.h"

#include <gtest/gtest.h>

namespace plinth::cli {
namespace {

std::string described(const std::string& body) {
  const auto entry = Json::parse(body);
  EXPECT_TRUE(entry.is_ok()) << body;
  return entry.is_ok() ? describe_run_entry(*entry) : "";
}

TEST(RunView, timers_and_cancels_are_told_in_words) {
  EXPECT_EQ(described(R"({"kind":"timer.set","due":1700000000000})"),
            "waits until 2023-11-14T22:13:20.000Z");
  EXPECT_EQ(described(R"({"kind":"timer.fired"})"), "the time has come");
  EXPECT_EQ(described(R"({"kind":"run.cancel_requested","by":"ada"})"), "ada asked to cancel");
  EXPECT_EQ(described(R"({"kind":"run.cancelled","steps":1})"), "cancelled");
}

TEST(RunView, no_kind_of_the_journal_is_shown_as_json) {
  for (const std::string kind :
       {"run.started", "run.resumed", "timer.set", "timer.fired", "step.intended", "step.returned",
        "step.denied", "step.refused", "step.unknown", "approval.requested", "approval.answered",
        "run.cancel_requested", "run.completed", "run.failed", "run.cancelled"}) {
    EXPECT_EQ(described(R"({"kind":")" + kind + R"("})").find(R"("kind")"), std::string::npos)
        << kind;
  }
}

TEST(RunView, an_unknown_kind_is_shown_as_it_is) {
  EXPECT_EQ(described(R"({"kind":"step.dreamt"})"), R"({"kind":"step.dreamt"})");
}

}  // namespace
}  // namespace plinth::cli
