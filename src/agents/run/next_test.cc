// SPDX-License-Identifier: Apache-2.0
// What a run does next, from entries alone. No store, no clock, no threads.
#include "agents/run/next.h"

#include <gtest/gtest.h>

#include "agents/run/events.h"
#include "agents/run/fold.h"

namespace plinth::agents {
namespace {

using Kind = Effect::Kind;

// A run written entry by entry, 1 second apart.
class Story {
 public:
  explicit Story(AgentSpec agent = {}) {
    if (agent.name.empty()) agent.name = "a";
    if (agent.space.empty()) agent.space = "a";
    events::StartFacts facts;
    facts.run = "run_1";
    facts.agent = std::move(agent);
    facts.goal = "a goal";
    facts.owner = {"alice", "default", guard::PrincipalKind::user, {"user"}};
    facts.label = guard::Label::of({"user", "alice", guard::Trust::trusted});
    tell(events::run_started(tick(), facts));
  }

  WallTime tick() { return now_ = WallTime{now_.unix_ms + 1000}; }
  void wait(int64_t ms) { now_.unix_ms += ms; }
  void tell(const Json& entry) {
    const auto status = apply(state_, entry);
    ASSERT_TRUE(status.is_ok()) << status.error().message;
    entries_.push_back(entry);
  }
  void intend_model() {
    tell(events::model_intended(tick(), "run_1", state_.steps + 1, "m", "digest"));
  }
  void model_says(std::string text, std::vector<protocol::ToolCall> calls = {},
                  int64_t tokens = 10) {
    intend_model();
    protocol::ChatReply reply;
    reply.text = std::move(text);
    reply.tool_calls = std::move(calls);
    reply.usage.prompt_tokens = tokens;
    tell(events::model_returned(tick(), state_.steps, reply, 0));
  }
  void intend_tool(bool is_idempotent = true) {
    tell(events::tool_intended(tick(), "run_1", state_.steps + 1, state_.pending_calls.front(),
                               Json::object({{"path", "a.txt"}}), is_idempotent, "dec_1"));
  }
  void tool_says(const std::string& text) {
    intend_tool();
    tell(events::tool_returned(tick(), state_.steps, "read_file", text, false,
                               guard::Label::of({"file", "a.txt"})));
  }
  void ask(ApprovalKind kind = ApprovalKind::policy) {
    Approval approval;
    approval.kind = kind;
    approval.step = state_.in_hand ? state_.in_hand->step : state_.steps + 1;
    approval.tool = "read_file";
    approval.digest = "d";
    tell(events::approval_requested(tick(), approval));
  }
  void answer(bool is_granted) {
    tell(events::approval_answered(tick(), *state_.approval, is_granted, "bob", "dec_2"));
  }
  Effect next_effect() const { return next(state_, now_); }

  State state_;
  std::vector<Json> entries_;
  WallTime now_{1'000'000};
};

const protocol::ToolCall kRead{"call_1", "read_file", R"({"path":"a.txt"})"};

TEST(Next, a_new_run_asks_the_model) {
  Story story;
  EXPECT_EQ(story.next_effect().kind, Kind::call_model);
  EXPECT_EQ(story.next_effect().step, 1);
}

TEST(Next, a_reply_without_calls_is_the_answer) {
  Story story;
  story.model_says("42");
  EXPECT_EQ(story.next_effect().kind, Kind::complete);
  EXPECT_EQ(story.next_effect().text, "42");
}

TEST(Next, calls_of_one_reply_are_made_one_by_one_in_order) {
  Story story;
  story.model_says("", {kRead, {"call_2", "list_files", "{}"}});
  EXPECT_EQ(story.next_effect().kind, Kind::call_tool);
  EXPECT_EQ(story.next_effect().step, 2);
  EXPECT_EQ(story.state_.pending_calls.front().id, "call_1");
  story.tool_says("text");
  EXPECT_EQ(story.next_effect().kind, Kind::call_tool);
  EXPECT_EQ(story.next_effect().step, 3);
  EXPECT_EQ(story.state_.pending_calls.front().id, "call_2");
}

TEST(Next, a_result_lowers_the_label_of_everything_after_it) {
  Story story;
  EXPECT_TRUE(story.state_.label.integrity.is_trusted());
  story.model_says("", {kRead});
  story.tool_says("text");
  EXPECT_FALSE(story.state_.label.integrity.is_trusted());
  EXPECT_EQ(story.state_.label.integrity.sources().size(), 2u);
}

TEST(Next, a_denial_is_told_to_the_model_and_the_run_goes_on) {
  Story story;
  story.model_says("", {kRead});
  guard::Decision decision;
  decision.reason = "not you";
  story.tell(events::step_denied(story.tick(), 2, kRead, decision));
  EXPECT_EQ(story.state_.turns.back().content, "denied: not allowed by policy");
  EXPECT_EQ(story.state_.turns.back().tool_call_id, "call_1");
  EXPECT_EQ(story.next_effect().kind, Kind::call_model);
  EXPECT_EQ(story.next_effect().step, 3);
}

TEST(Next, a_model_step_without_result_is_repeated_under_its_own_number) {
  Story story;
  story.intend_model();
  EXPECT_EQ(story.next_effect().kind, Kind::call_model);
  EXPECT_EQ(story.next_effect().step, 1);
  EXPECT_TRUE(story.next_effect().is_repeat);
}

TEST(Next, an_idempotent_tool_step_without_result_is_repeated) {
  Story story;
  story.model_says("", {kRead});
  story.intend_tool();
  EXPECT_EQ(story.next_effect().kind, Kind::call_tool);
  EXPECT_EQ(story.next_effect().step, 2);
  EXPECT_TRUE(story.next_effect().is_repeat);
}

TEST(Next, another_tool_step_without_result_becomes_unknown_and_follows_the_rule) {
  for (const auto rule : {OnUnknown::ask, OnUnknown::retry, OnUnknown::fail}) {
    AgentSpec agent;
    agent.on_unknown = rule;
    Story story(agent);
    story.model_says("", {kRead});
    story.intend_tool(false);
    EXPECT_EQ(story.next_effect().kind, Kind::mark_unknown);
    story.tell(events::step_unknown(story.tick(), 2, "read_file"));
    const Effect effect = story.next_effect();
    const std::map<OnUnknown, Kind> expected = {{OnUnknown::ask, Kind::ask_unknown},
                                                {OnUnknown::retry, Kind::call_tool},
                                                {OnUnknown::fail, Kind::fail}};
    EXPECT_EQ(effect.kind, expected.at(rule));
    EXPECT_EQ(effect.is_repeat, rule == OnUnknown::retry);
    if (rule == OnUnknown::fail) {
      EXPECT_EQ(effect.code, ErrorCode::outcome_unknown);
    }
  }
}

TEST(Next, a_person_decides_about_an_unknown_step) {
  Story granted;
  granted.model_says("", {kRead});
  granted.intend_tool(false);
  granted.tell(events::step_unknown(granted.tick(), 2, "read_file"));
  granted.ask(ApprovalKind::unknown_outcome);
  EXPECT_EQ(granted.next_effect().kind, Kind::wait);
  Story refused = granted;
  granted.answer(true);
  EXPECT_TRUE(granted.next_effect().kind == Kind::call_tool && granted.next_effect().is_repeat);
  EXPECT_EQ(granted.next_effect().step, 2);
  refused.answer(false);
  EXPECT_EQ(refused.next_effect().kind, Kind::call_model);
  EXPECT_NE(refused.state_.turns.back().content.find("decided not to repeat"), std::string::npos);
}

TEST(Next, waits_for_an_approval_and_goes_on_with_the_same_step) {
  Story story;
  story.model_says("", {kRead});
  story.ask();
  EXPECT_EQ(story.next_effect().kind, Kind::wait);
  EXPECT_EQ(story.state_.run_state, RunState::waiting_approval);
  Story refused = story;
  story.answer(true);
  EXPECT_EQ(story.next_effect().kind, Kind::call_tool);
  EXPECT_EQ(story.next_effect().step, 2);
  EXPECT_TRUE(story.next_effect().is_approved);
  story.intend_tool();
  story.tell(events::tool_returned(story.tick(), 2, "read_file", "x", false, {}));
  EXPECT_FALSE(story.state_.approval.has_value()) << "an approval covers one call";
  refused.answer(false);
  EXPECT_EQ(refused.state_.turns.back().content, "denied: a person refused");
  EXPECT_EQ(refused.next_effect().kind, Kind::call_model);
}

TEST(Next, waits_for_its_timer) {
  Story story;
  story.tell(events::timer_set(story.now_, WallTime{story.now_.unix_ms + 5000}));
  EXPECT_EQ(story.next_effect().kind, Kind::wait);
  story.wait(4999);
  EXPECT_EQ(story.next_effect().kind, Kind::wait);
  story.wait(1);
  EXPECT_EQ(story.next_effect().kind, Kind::fire_timer);
  story.tell(events::timer_fired(story.now_));
  EXPECT_EQ(story.next_effect().kind, Kind::call_model);
}

TEST(Next, each_budget_ends_the_run_before_the_next_effect_and_is_named) {
  AgentSpec agent;
  agent.budget = {.steps_max = 2, .tokens_max = 1000, .time_max = std::chrono::hours(1)};
  Story steps(agent);
  steps.model_says("", {kRead});
  steps.tool_says("x");
  EXPECT_EQ(steps.next_effect().kind, Kind::fail);
  EXPECT_EQ(steps.next_effect().code, ErrorCode::budget_exhausted);
  EXPECT_EQ(steps.next_effect().text, "budget_exhausted: steps_max of 2 is used up");

  Story tokens(agent);
  tokens.model_says("", {kRead}, 1000);
  EXPECT_NE(tokens.next_effect().text.find("tokens_max of 1000"), std::string::npos);

  Story time(agent);
  time.wait(3'600'000);
  EXPECT_NE(time.next_effect().text.find("time_max of"), std::string::npos);
}

TEST(Next, an_answer_that_is_there_is_given_even_when_the_budget_is_used_up) {
  AgentSpec agent;
  agent.budget.steps_max = 1;
  Story story(agent);
  story.model_says("42");
  EXPECT_EQ(story.next_effect().kind, Kind::complete);
}

TEST(Next, waiting_is_not_charged_to_the_time_budget) {
  AgentSpec agent;
  agent.budget.time_max = std::chrono::seconds(30);
  Story story(agent);
  story.model_says("", {kRead});
  story.ask();
  story.wait(86'400'000);
  story.answer(true);
  EXPECT_EQ(story.next_effect().kind, Kind::call_tool);
  story.intend_tool();
  story.wait(86'400'000);
  story.tell(events::run_resumed(story.now_));
  EXPECT_TRUE(story.next_effect().is_repeat);
  EXPECT_LT(active_ms(story.state_, story.now_), 10'000);
}

TEST(Next, a_cancel_comes_before_everything_else) {
  Story story;
  story.model_says("", {kRead});
  story.intend_tool(false);
  story.tell(events::cancel_requested(story.tick(), "alice"));
  EXPECT_EQ(story.next_effect().kind, Kind::cancel);
}

TEST(Next, a_model_that_fails_for_good_ends_the_run) {
  Story story;
  story.intend_model();
  story.tell(
      events::model_failed(story.tick(), 1, make_error(ErrorCode::not_found, "no model 'm'")));
  EXPECT_EQ(story.next_effect().kind, Kind::fail);
  EXPECT_EQ(story.next_effect().text, "the model call failed: not_found: no model 'm'");
}

TEST(Next, a_run_that_keeps_ending_the_process_is_given_up) {
  Story story;
  for (int64_t i = 0; i <= kResumesMax; ++i) story.tell(events::run_resumed(story.tick()));
  EXPECT_EQ(story.next_effect().kind, Kind::fail);
}

TEST(Next, an_ended_run_does_nothing_and_takes_no_entry) {
  Story story;
  story.model_says("42");
  story.tell(events::run_completed(story.tick(), story.state_, "42"));
  EXPECT_EQ(story.next_effect().kind, Kind::wait);
  EXPECT_EQ(story.state_.answer, "42");
  EXPECT_EQ(apply(story.state_, events::run_resumed(story.tick())).error().code,
            ErrorCode::corrupt);
}

// Folding any prefix and then the rest is folding the whole: nothing hides outside the entries.
TEST(Fold, is_the_same_from_any_point_on) {
  Story story;
  story.model_says("", {kRead, kRead});
  story.tool_says("one");
  story.ask();
  story.answer(true);
  story.tool_says("two");
  story.model_says("done");
  for (size_t cut = 0; cut <= story.entries_.size(); ++cut) {
    State state = *fold({story.entries_.begin(), story.entries_.begin() + static_cast<long>(cut)});
    for (size_t i = cut; i < story.entries_.size(); ++i) {
      ASSERT_TRUE(apply(state, *Json::parse(story.entries_[i].dump())).is_ok());
    }
    EXPECT_EQ(state.turns.size(), story.state_.turns.size());
    EXPECT_EQ(state.steps, story.state_.steps);
    EXPECT_EQ(state.idle_ms, story.state_.idle_ms);
    EXPECT_EQ(state.label, story.state_.label);
    EXPECT_EQ(next(state, story.now_).kind, story.next_effect().kind);
  }
}

TEST(Fold, the_first_and_last_entry_are_enough_for_a_summary) {
  Story story;
  story.model_says("42", {}, 77);
  const Json last = events::run_completed(story.tick(), story.state_, "42");
  const auto state = fold({story.entries_.front(), last});
  ASSERT_TRUE(state.is_ok());
  EXPECT_EQ(state->steps, 1);
  EXPECT_EQ(state->tokens, 77);
  EXPECT_EQ(state->answer, "42");
}

TEST(Fold, an_entry_of_a_newer_program_is_refused_and_says_so) {
  Story story;
  Json newer = events::run_resumed(story.tick());
  newer.set("v", 2);
  const auto version = apply(story.state_, newer);
  EXPECT_EQ(version.error().code, ErrorCode::unsupported);
  EXPECT_NE(version.error().message.find("has version 2, this program knows version 1"),
            std::string::npos);
  Json unknown = events::run_resumed(story.tick());
  unknown.set("kind", "run.handed_off");
  const auto kind = apply(story.state_, unknown);
  EXPECT_EQ(kind.error().code, ErrorCode::unsupported);
  EXPECT_NE(kind.error().message.find("unknown kind 'run.handed_off'"), std::string::npos);
}

TEST(Fold, entries_out_of_place_are_corrupt) {
  Story story;
  State empty;
  EXPECT_EQ(apply(empty, events::run_resumed(story.tick())).error().code, ErrorCode::corrupt);
  EXPECT_EQ(apply(story.state_, story.entries_.front()).error().code, ErrorCode::corrupt);
  EXPECT_EQ(apply(story.state_, events::timer_fired(story.tick())).error().code,
            ErrorCode::corrupt);
  EXPECT_EQ(
      apply(story.state_, events::tool_returned(story.tick(), 1, "x", "", false, {})).error().code,
      ErrorCode::corrupt);
  EXPECT_EQ(
      apply(story.state_, events::model_intended(story.tick(), "run_1", 5, "m", "d")).error().code,
      ErrorCode::corrupt);
  EXPECT_EQ(apply(story.state_, events::tool_intended(story.tick(), "run_1", 1, kRead,
                                                      Json::object(), true, "dec"))
                .error()
                .code,
            ErrorCode::corrupt);
}

}  // namespace
}  // namespace plinth::agents
