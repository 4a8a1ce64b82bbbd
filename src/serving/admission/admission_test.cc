// SPDX-License-Identifier: Apache-2.0
// Slots, the order of the queue, and what is learned from calls that end.
#include "serving/admission/admission.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace plinth::serving {
namespace {

using decisions::AdmitVerdict;
using std::chrono::seconds;

MonotonicTime at(Duration since_start) { return MonotonicTime(since_start); }

constexpr const char* kGroup = "tenant/principal";

Admission small() { return Admission({.running_max = 2, .queue_max = 3}); }

AdmitVerdict offer(Admission& admission, const std::string& call) {
  return admission.offer({call, kGroup}, {}, std::nullopt, at(seconds(1))).decision.verdict;
}

TEST(Admission, gives_slots_to_waiting_calls_in_the_order_they_came) {
  Admission admission = small();
  EXPECT_EQ(offer(admission, "a"), AdmitVerdict::run);
  EXPECT_EQ(offer(admission, "b"), AdmitVerdict::run);
  for (const char* call : {"c", "d", "e"}) EXPECT_EQ(offer(admission, call), AdmitVerdict::queue);
  EXPECT_EQ(offer(admission, "f"), AdmitVerdict::refuse);
  EXPECT_FALSE(admission.next().has_value());

  admission.release(kGroup, seconds(1));
  EXPECT_EQ(admission.next(), "c");
  EXPECT_FALSE(admission.next().has_value());
  EXPECT_TRUE(admission.leave("d"));
  EXPECT_FALSE(admission.leave("d"));
  admission.release(kGroup, seconds(1));
  EXPECT_EQ(admission.next(), "e");
  EXPECT_EQ(admission.waiting(), 0);
  EXPECT_EQ(admission.running(), 2);
}

TEST(Admission, refuses_with_a_retry_time_that_follows_the_measured_rate) {
  Admission admission = small();
  offer(admission, "a");
  offer(admission, "b");
  admission.release(kGroup,
                    seconds(4));  // two slots held for four seconds each: one leaves every two
  EXPECT_DOUBLE_EQ(admission.finished_per_s(), 0.5);
  offer(admission, "c");
  for (const char* call : {"d", "e", "f"}) offer(admission, call);
  const auto decision = admission.offer({"g", kGroup}, {}, std::nullopt, at(seconds(1))).decision;
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
          admission.release(kGroup, seconds(1));
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

// Offers calls "NAME-0", "NAME-1", … of a tenant.
void flood(Admission& admission, const std::string& tenant, int calls) {
  for (int i = 0; i < calls; ++i) {
    admission.offer({tenant + "-" + std::to_string(i), tenant + "/p", 100}, {}, std::nullopt,
                    at(seconds(1)));
  }
}

AdmitVerdict offer_of(Admission& admission, const std::string& tenant, const std::string& call) {
  return admission.offer({call, tenant + "/p", 100}, {}, std::nullopt, at(seconds(1)))
      .decision.verdict;
}

TEST(Admission, leaves_slots_to_others_when_a_tenant_floods) {
  Admission admission({.running_max = 8, .queue_max = 100});
  flood(admission, "flood", 50);
  EXPECT_EQ(admission.running(), 8);
  // As many as are free then: half of the rest each.
  for (const char* call : {"a", "b", "c", "d"}) {
    EXPECT_EQ(offer_of(admission, "one", call), AdmitVerdict::run);
  }
  EXPECT_EQ(offer_of(admission, "one", "e"), AdmitVerdict::queue);
  EXPECT_EQ(offer_of(admission, "two", "f"), AdmitVerdict::run);
  EXPECT_EQ(offer_of(admission, "two", "g"), AdmitVerdict::run);
  EXPECT_EQ(offer_of(admission, "three", "h"), AdmitVerdict::run);
  EXPECT_LE(admission.running(), 16);
}

TEST(Admission, serves_those_who_wait_alike_however_many_they_are) {
  Admission admission({.running_max = 1, .queue_max = 100});
  const auto ask = [&](const std::string& principal, int calls) {
    for (int i = 0; i < calls; ++i) {
      const std::string call = principal + "-" + std::to_string(i);
      admission.offer({call, "tenant/" + principal, 100}, {}, std::nullopt, at(seconds(1)));
    }
  };
  ask("flood", 60);
  ask("small", 20);
  std::map<std::string, int> served;
  std::string running = "flood";  // it came first
  for (int i = 0; i < 30; ++i) {
    admission.release("tenant/" + running, seconds(1));
    const auto next = admission.next();
    ASSERT_TRUE(next.has_value());
    running = next->substr(0, next->find('-'));
    ++served[running];
  }
  EXPECT_NEAR(served["flood"], served["small"], 2);
}

TEST(Admission, gives_a_place_in_a_full_queue_to_who_has_less) {
  Admission admission({.running_max = 1, .queue_max = 4});
  flood(admission, "flood", 5);
  EXPECT_EQ(offer_of(admission, "flood", "more"), AdmitVerdict::refuse);
  EXPECT_EQ(offer_of(admission, "small", "runs"), AdmitVerdict::run);
  const Offer waits = admission.offer({"waits", "small/p", 1}, {}, std::nullopt, at(seconds(1)));
  EXPECT_EQ(waits.decision.verdict, AdmitVerdict::queue);
  EXPECT_EQ(waits.displaced, "flood-4");
  EXPECT_EQ(admission.waiting(), 4);
  EXPECT_EQ(offer_of(admission, "small", "as many"), AdmitVerdict::queue);
  EXPECT_EQ(offer_of(admission, "small", "more"), AdmitVerdict::refuse);
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
