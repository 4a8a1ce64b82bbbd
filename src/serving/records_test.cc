// SPDX-License-Identifier: Apache-2.0
// What is kept of requests, and for how long.
#include "serving/records.h"

#include <gtest/gtest.h>

#include "serving/chat_events.h"

namespace plinth::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RequestKey key(int number) { return {"req_" + std::to_string(number), "default", "alice"}; }

MonotonicTime at(Duration since_start) { return MonotonicTime(since_start); }

// Admitted at 1 s, started 10 ms later, first token after 30 ms more.
CallRecord call_of(Duration length) {
  CallRecord call;
  call.model = "m";
  call.admission = "0 of 64 running";
  call.attempts = {{"m#0", "refused lately", milliseconds(5), "connection refused"},
                   {"m#1", "least time", milliseconds(10)}};
  call.times.admitted = at(seconds(1));
  call.times.started = at(seconds(1) + milliseconds(10));
  call.times.first_token = at(seconds(1) + milliseconds(40));
  call.times.ended = at(seconds(1) + length);
  call.end.emplace();
  call.end->kind = protocol::ChatEvent::Kind::finished;
  call.end->usage = {.prompt_tokens = 7, .completion_tokens = 11, .cached_tokens = 3};
  call.end->work = {.queue_us = 1500, .prefill_us = 20'000, .prefill_chunks = 2, .decode_us = 100};
  return call;
}

CallRecord failed_call() {
  CallRecord call;
  call.model = "m";
  call.end = failed_event(make_error(ErrorCode::rate_limited, "too many"));
  return call;
}

guard::Decision decision(guard::Effect effect) {
  guard::Decision decision;
  decision.id = "dec_1";
  decision.effect = effect;
  decision.reason = "the test's rule";
  return decision;
}

TEST(RequestRecords, tell_the_times_tokens_and_choices_of_a_call) {
  const ManualClock clock;
  RequestRecords records(clock);
  records.decided(key(1), "m", decision(guard::Effect::allow), milliseconds(2));
  records.add(key(1), call_of(milliseconds(140)));
  const auto record = records.find("req_1");
  ASSERT_TRUE(record.has_value());
  const Json json = record->to_json(at(seconds(9)));
  EXPECT_EQ(json["principal"].as_string(), "alice");
  EXPECT_EQ(json["policy_ms"].as_double(), 2);
  EXPECT_EQ(json["decisions"].items().front().as_string(), "dec_1");
  EXPECT_FALSE(json["came"].as_string().empty());
  const Json& call = json["calls"].items().front();
  EXPECT_EQ(call["state"].as_string(), "ended");
  EXPECT_EQ(call["queue_ms"].as_double(), 10);
  EXPECT_EQ(call["first_token_ms"].as_double(), 40);
  EXPECT_EQ(call["output_token_ms"].as_double(), 10);
  EXPECT_EQ(call["duration_ms"].as_double(), 140);
  EXPECT_EQ(call["retries"].as_int(), 1);
  EXPECT_EQ(call["attempts"].items()[0]["failure"].as_string(), "connection refused");
  EXPECT_EQ(call["attempts"].items()[1]["reason"].as_string(), "least time");
  EXPECT_EQ(call["prompt_tokens"].as_int(), 7);
  EXPECT_EQ(call["cached_tokens"].as_int(), 3);
  EXPECT_EQ(call["completion_tokens"].as_int(), 11);
  EXPECT_EQ(call["reason"].as_string(), "stop");
  EXPECT_EQ(call["engine"]["prefill_chunks"].as_int(), 2);
  EXPECT_EQ(call["engine"]["queue_ms"].as_double(), 1.5);
}

TEST(RequestRecords, tell_why_a_request_was_refused) {
  const ManualClock clock;
  RequestRecords records(clock);
  records.decided(key(1), "m", decision(guard::Effect::deny), milliseconds(2));
  records.decided(key(2), "m", decision(guard::Effect::allow), milliseconds(2));
  records.add(key(2), failed_call());
  for (const auto& [id, code] : {std::pair{"req_1", "denied"}, {"req_2", "rate_limited"}}) {
    const Json call = records.find(id)->calls.front().to_json(at(seconds(1)));
    EXPECT_EQ(call["error"]["code"].as_string(), code);
    EXPECT_EQ(call["model"].as_string(), "m");
  }
  records.add({}, failed_call());  // without an id: of no effect
  EXPECT_FALSE(records.find("").has_value());
}

TEST(RequestRecords, keep_the_latest_and_the_slow_and_failed_ones_longer) {
  const ManualClock clock;
  RequestRecords records(clock);
  records.add(key(1), call_of(milliseconds(5)));
  records.add(key(2), call_of(kSlowCall));
  records.add(key(3), failed_call());
  const auto fill = [&](int begin, size_t count, const CallRecord& call) {
    for (size_t i = 0; i < count; ++i) records.add(key(begin + static_cast<int>(i)), call);
  };
  fill(10, kRequestsKept - 3, call_of(milliseconds(5)));
  EXPECT_TRUE(records.find("req_1").has_value());
  fill(100'000, 3, call_of(milliseconds(5)));
  EXPECT_FALSE(records.find("req_1").has_value());
  EXPECT_TRUE(records.find("req_2").has_value());
  EXPECT_TRUE(records.find("req_3").has_value());
  fill(200'000, kRequestsKept + kNotableRequestsKept, failed_call());
  EXPECT_FALSE(records.find("req_2").has_value());
  EXPECT_FALSE(records.find("req_3").has_value());
  EXPECT_TRUE(records.find("req_200000").has_value());
}

TEST(RequestRecords, a_tenant_with_many_requests_drives_out_its_own) {
  const ManualClock clock;
  RequestRecords records(clock);
  const auto add = [&](const std::string& tenant, int number, const CallRecord& call) {
    RequestKey asked = key(number);
    asked.tenant = tenant;
    records.add(asked, call);
  };
  add("quiet", 1, call_of(milliseconds(5)));
  add("quiet", 2, failed_call());
  for (int i = 10; i < 10 + static_cast<int>(2 * kRequestsKept); ++i) {
    add("loud", i, i % 2 == 0 ? failed_call() : call_of(milliseconds(5)));
  }
  EXPECT_TRUE(records.find("req_1").has_value());
  EXPECT_TRUE(records.find("req_2").has_value());
  EXPECT_FALSE(records.find("req_11").has_value());
  EXPECT_TRUE(records.find("req_" + std::to_string(9 + 2 * kRequestsKept)).has_value());
}

TEST(RequestRecords, keep_the_latest_calls_of_one_request) {
  const ManualClock clock;
  RequestRecords records(clock);
  for (size_t i = 0; i < kCallsKept + 5; ++i) records.add(key(1), failed_call());
  EXPECT_EQ(records.find("req_1")->calls.size(), kCallsKept);
}

}  // namespace
}  // namespace plinth::serving
