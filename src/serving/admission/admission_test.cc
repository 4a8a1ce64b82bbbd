// SPDX-License-Identifier: Apache-2.0
// Slots, the order of the queue, and what is learned from calls that end.
#include "serving/admission/admission.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::serving {
namespace {

using decisions::AdmitVerdict;
using std::chrono::seconds;

MonotonicTime at(Duration since_start) { return MonotonicTime(since_start); }

Admission small() { return Admission({.running_max = 2, .queue_max = 3}); }

AdmitVerdict offer(Admission& admission, const std::string& call) {
  return admission.offer(call, {}, std::nullopt, at(seconds(1))).verdict;
}

TEST(Admission, gives_slots_to_waiting_calls_in_the_order_they_came) {
  Admission admission = small();
  EXPECT_EQ(offer(admission, "a"), AdmitVerdict::run);
  EXPECT_EQ(offer(admission, "b"), AdmitVerdict::run);
  for (const char* call : {"c", "d", "e"}) EXPECT_EQ(offer(admission, call), AdmitVerdict::queue);
  EXPECT_EQ(offer(admission, "f"), AdmitVerdict::refuse);
  EXPECT_FALSE(admission.next().has_value());

  admission.release(seconds(1));
  EXPECT_EQ(admission.next(), "c");
  EXPECT_FALSE(admission.next().has_value());
  EXPECT_TRUE(admission.leave("d"));
  EXPECT_FALSE(admission.leave("d"));
  admission.release(seconds(1));
  EXPECT_EQ(admission.next(), "e");
  EXPECT_EQ(admission.waiting(), 0);
  EXPECT_EQ(admission.running(), 2);
}

TEST(Admission, refuses_with_a_retry_time_that_follows_the_measured_rate) {
  Admission admission = small();
  offer(admission, "a");
  offer(admission, "b");
  admission.release(seconds(4));  // two slots held for four seconds each: one leaves every two
  EXPECT_DOUBLE_EQ(admission.finished_per_s(), 0.5);
  offer(admission, "c");
  for (const char* call : {"d", "e", "f"}) offer(admission, call);
  const auto decision = admission.offer("g", {}, std::nullopt, at(seconds(1)));
  EXPECT_EQ(decision.verdict, AdmitVerdict::refuse);
  EXPECT_EQ(decision.code, ErrorCode::overloaded);
  EXPECT_EQ(decision.retry_after, seconds(8));
}

TEST(Admission, never_runs_or_keeps_more_than_its_limits_whatever_happens) {
  SeededRandom random(5);
  Admission admission = small();
  int running = 0;
  std::vector<std::string> waiting;
  for (int i = 0; i < 20'000; ++i) {
    const std::string call = std::to_string(i);
    switch (random.below(3)) {
      case 0: {
        const AdmitVerdict verdict = offer(admission, call);
        if (verdict == AdmitVerdict::run) ++running;
        if (verdict == AdmitVerdict::queue) waiting.push_back(call);
        break;
      }
      case 1:
        if (running > 0) {
          admission.release(seconds(1));
          --running;
        }
        while (auto next = admission.next()) {
          ASSERT_EQ(*next, waiting.front());
          waiting.erase(waiting.begin());
          ++running;
        }
        break;
      default:
        if (!waiting.empty()) {
          const auto which = static_cast<int64_t>(random.below(waiting.size()));
          ASSERT_TRUE(admission.leave(waiting[static_cast<size_t>(which)]));
          waiting.erase(waiting.begin() + which);
        }
    }
    ASSERT_EQ(admission.running(), running);
    ASSERT_EQ(admission.waiting(), static_cast<int>(waiting.size()));
    ASSERT_LE(running, 2);
    ASSERT_LE(waiting.size(), 3u);
  }
}

TEST(PrincipalBuckets, forgets_the_longest_silent_principal_when_full) {
  PrincipalBuckets buckets;
  for (size_t i = 0; i < PrincipalBuckets::kPrincipalsMax; ++i) {
    buckets.put("p" + std::to_string(i), {0.0, at(seconds(i + 1))});
  }
  buckets.put("new", {0.5, at(seconds(1'000'000))});
  EXPECT_FALSE(buckets.get("p0").requests.has_value());
  EXPECT_TRUE(buckets.get("p1").requests.has_value());
  EXPECT_EQ(buckets.get("new").requests, 0.5);
}

}  // namespace
}  // namespace plinth::serving
