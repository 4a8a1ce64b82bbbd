// SPDX-License-Identifier: Apache-2.0
// The process dies at every append of a run, once before it is on disk and once after. The next
// process finishes the run, and no effect is there twice.
#include "agents/run/events.h"
#include "agents/run/fold.h"
#include "agents/run/model_call.h"
#include "agents/testing/fixture.h"

namespace plinth::agents::testing {
namespace {

using S = ScriptedServing;
using Last = CrashingJournal::Last;

class AgentsCrash : public AgentsFixture {
 protected:
  AgentsCrash() {
    put_agent(
        "version: 1\nname: worker\nspace: notes\n"
        "tools: [read_file, write_file, list_files, calculate, http_get, remember]\n"
        "http_hosts: ['example.org:80']\n");
    write_workspace("sales.txt", "120 80");
    serving_.script({S::calls({{"read_file", R"({"path":"sales.txt"})"}}),
                     S::calls({{"calculate", R"({"expression":"120+80"})"}}),
                     S::calls({{"write_file", R"({"path":"total.txt","content":"200"})"},
                               {"remember", R"({"text":"the total is 200"})"}}),
                     S::calls({{"http_get", R"({"url":"http://example.org/"})"}}),
                     S::calls({{"list_files", "{}"}}),
                     S::calls({{"write_file", R"({"path":"report.txt","content":"done"})"}}),
                     S::says("Finished.")});
  }

  // Waits until the dead process can do nothing more.
  void await_death(const std::string& run) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (get(run).failure.find("no longer drives") != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL() << "the journal did not die";
  }

  void expect_done_once(const std::string& run) {
    EXPECT_EQ(get(run).answer, "Finished.");
    EXPECT_EQ(read(workspace() / "total.txt"), "200");
    EXPECT_EQ(read(workspace() / "report.txt"), "done");
    EXPECT_EQ(ledger(), (std::map<std::string, int>{{run + "/6", 1}, {run + "/13", 1}}));
    const auto records = memory_->list(request("alice"), "notes", 10);
    ASSERT_TRUE(records.is_ok());
    EXPECT_EQ(records->size(), 1u);
    std::map<int64_t, int> returned;
    for (const auto& entry : entries_of(run, "step.returned"))
      returned[entry["step"].as_int()] += 1;
    EXPECT_EQ(returned.size(), 14u);
    for (const auto& [step, count] : returned) EXPECT_EQ(count, 1) << "step " << step;
    EXPECT_EQ(entries_of(run, "step.intended").size(), 14u);
    EXPECT_EQ(entries_of(run, "run.completed").size(), 1u);
  }
};

TEST_F(AgentsCrash, a_run_survives_a_crash_at_every_append) {
  size_t crashes = 0;
  for (const auto last : {Last::is_lost, Last::is_written}) {
    for (size_t append = 1; append < 40; ++append) {
      SCOPED_TRACE("append " + std::to_string(append) +
                   (last == Last::is_written ? " written" : " lost"));
      restart();
      for (const char* name : {"total.txt", "report.txt", ".plinth"}) {
        fs::remove_all(workspace() / name);
      }
      const auto records = memory_->list(request("alice"), "notes", 10);
      for (const auto& record : records.value()) {
        ASSERT_TRUE(memory_->forget(request("alice"), "notes", record.id).is_ok());
      }
      crashing_->journal().crash_at(append, last);
      const std::string run = start("Add up sales.txt");
      if (append < 16) {
        await_death(run);
        ++crashes;
        restart();
        resume();
      }
      await(run, RunState::completed);
      expect_done_once(run);
      if (append >= 16) break;
    }
  }
  // started | 1 | 1r+2 | … | 14r+completed: 16 appends, of which the first is the caller's.
  EXPECT_EQ(crashes, 30u);
}

TEST_F(AgentsCrash, a_run_survives_a_crash_in_every_process_that_drives_it) {
  const std::string run = [&] {
    crashing_->journal().crash_at(1, Last::is_written);
    return start("Add up sales.txt");
  }();
  await_death(run);
  for (int process = 0; process < 14; ++process) {
    restart();
    crashing_->journal().crash_at(1, process % 2 ? Last::is_lost : Last::is_written);
    resume();
    await_death(run);
  }
  restart();
  resume();
  await(run, RunState::completed);
  expect_done_once(run);
}

TEST_F(AgentsCrash, a_start_whose_append_was_lost_is_an_error_and_leaves_no_run) {
  crashing_->journal().crash_at(0, Last::is_lost);
  const auto run = agents_->start(request(), "worker", "goal", "key", {});
  EXPECT_EQ(run.error().code, ErrorCode::io_failed);
  restart();
  resume();
  EXPECT_TRUE(agents_->list(request(), 10)->empty());
  // The key was claimed for an id that has no run: the next call begins it.
  const auto again = agents_->start(request(), "worker", "goal", "key", {});
  ASSERT_TRUE(again.is_ok()) << again.error().message;
  EXPECT_EQ(agents_->start(request(), "worker", "goal", "key", {})->id, again->id);
}

TEST_F(AgentsCrash, a_start_whose_answer_was_lost_is_found_again_by_its_key) {
  crashing_->journal().crash_at(0, Last::is_written);
  EXPECT_TRUE(agents_->start(request(), "worker", "Add up sales.txt", "key", {}).is_error());
  restart();
  resume();
  const auto again = agents_->start(request(), "worker", "Add up sales.txt", "key", {});
  ASSERT_TRUE(again.is_ok());
  await(again->id, RunState::completed);
  EXPECT_EQ(agents_->list(request(), 10)->size(), 1u);
}

TEST_F(AgentsCrash, an_approval_survives_restarts_and_so_does_its_answer) {
  authorizer_.answer("tool:write_file", guard::Effect::ask);
  const std::string run = start("Add up sales.txt");
  const std::string digest =
      await(run, RunState::waiting_approval).pending_approval["digest"].as_string();
  restart();
  resume();
  const RunSummary waiting = get(run);
  EXPECT_EQ(waiting.state, RunState::waiting_approval);
  EXPECT_EQ(waiting.pending_approval["digest"].as_string(), digest);
  crashing_->journal().crash_at(0, Last::is_written);
  EXPECT_TRUE(agents_->approve(request(), run, digest, true).is_error());
  authorizer_.answer("tool:write_file", guard::Effect::allow);
  restart();
  resume();
  await(run, RunState::completed);
  expect_done_once(run);
}

TEST_F(AgentsCrash, a_timer_fires_after_a_restart) {
  const std::string run = start("Add up sales.txt", "worker", "", std::chrono::hours(1));
  restart();
  clock_.advance(std::chrono::hours(2));
  resume();
  await(run, RunState::completed);
}

TEST_F(AgentsCrash, a_cancel_is_durable) {
  authorizer_.answer("tool:write_file", guard::Effect::ask);
  const std::string run = start("Add up sales.txt");
  await(run, RunState::waiting_approval);
  // The request is written; the process dies before the run is ended.
  crashing_->journal().crash_at(1, Last::is_lost);
  EXPECT_TRUE(agents_->cancel(request(), run).is_error());
  restart();
  resume();
  await(run, RunState::cancelled);
}

TEST_F(AgentsCrash, stopping_leaves_the_run_to_the_next_process) {
  serving_.on_call([this](const guard::Request& request) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (serving_.requests().size() == 3 && !request.cancellation.is_cancelled() &&
           std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const std::string run = start("Add up sales.txt");
  while (serving_.requests().size() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  restart();
  EXPECT_TRUE(entries_of(run, "run.cancelled").empty());
  resume();
  await(run, RunState::completed);
  expect_done_once(run);
}

TEST_F(AgentsCrash, a_process_given_up_for_dead_can_write_nothing_more) {
  authorizer_.answer("tool:write_file", guard::Effect::ask);
  const std::string run = start("Add up sales.txt");
  const std::string digest =
      await(run, RunState::waiting_approval).pending_approval["digest"].as_string();
  auto successor = create_agents({*store_, guard(), sandbox(), *memory_, serving_, client(), clock_,
                                  ids_, metrics_, folder_.string(), "/bin/tools", 4, 64});
  ASSERT_TRUE(successor.is_ok());
  ASSERT_TRUE((*successor)->resume_open_runs().is_ok());
  ASSERT_TRUE((*successor)->approve(request(), run, digest, false).is_ok());
  const auto late = agents_->approve(request(), run, digest, true);
  EXPECT_EQ(late.error().code, ErrorCode::stale);
  EXPECT_TRUE(entries_of(run, "approval.answered").size() == 1);
  successor->reset();
}

// The journal proves what each model call asked: the digest is that of the state before it.
TEST_F(AgentsCrash, every_request_digest_is_that_of_the_entries_before_it) {
  crashing_->journal().crash_at(5, Last::is_lost);
  const std::string run = start("Add up sales.txt");
  await_death(run);
  restart();
  resume();
  await(run, RunState::completed);
  State state;
  int checked = 0;
  for (const auto& entry : entries(run)) {
    if (entry["effect"]["kind"].as_string() == "model") {
      EXPECT_EQ(entry["effect"]["request_digest"].as_string(),
                request_digest(chat_request_of(state, "scripted")));
      ++checked;
    }
    ASSERT_TRUE(apply(state, entry).is_ok());
  }
  EXPECT_EQ(checked, 7);
}

class UnknownOutcome : public AgentsFixture {
 protected:
  // A journal as a process leaves it that dies inside a tool which must not be repeated blindly.
  std::string leave_open_step(OnUnknown rule) {
    AgentSpec agent = MUST(parse_agent("version: 1\nname: worker\ntools: [write_file]\n"), "valid");
    agent.on_unknown = rule;
    const std::string run = ids_.make("run");
    const WallTime now = clock_.wall();
    events::StartFacts facts;
    facts.run = run;
    facts.agent = agent;
    facts.goal = "a goal";
    facts.owner = request().principal;
    const protocol::ToolCall call{"call_1", "write_file", R"({"path":"a.txt","content":"x"})"};
    protocol::ChatReply reply;
    reply.tool_calls = {call};
    std::vector<store::Entry> entries;
    for (const auto& entry :
         {events::run_started(now, facts), events::model_intended(now, run, 1, "scripted", "d"),
          events::model_returned(now, 1, reply, 0),
          events::tool_intended(now, run, 2, call, *Json::parse(call.arguments), false, "dec_1")}) {
      entries.push_back({run, entry.dump()});
    }
    EXPECT_TRUE(
        store_->journal().append({"default", "run", run}, store::kBeginning, entries, run).is_ok());
    serving_.script({S::says("unused"), S::says("went on")});
    resume();
    return run;
  }
};

TEST_F(UnknownOutcome, ask_waits_for_a_person_and_repeats_when_granted) {
  const std::string run = leave_open_step(OnUnknown::ask);
  const RunSummary waiting = await(run, RunState::waiting_approval);
  EXPECT_NE(
      waiting.pending_approval["question"].as_string().find("is unknown: it may have happened"),
      std::string::npos);
  EXPECT_FALSE(fs::exists(workspace() / "a.txt"));
  ASSERT_TRUE(agents_->approve(request(), run, waiting.pending_approval["digest"].as_string(), true)
                  .is_ok());
  EXPECT_EQ(await(run, RunState::completed).answer, "went on");
  EXPECT_EQ(ledger(), (std::map<std::string, int>{{run + "/2", 1}}));
  EXPECT_EQ(entries_of(run, "step.unknown").size(), 1u);
}

TEST_F(UnknownOutcome, ask_goes_on_without_the_effect_when_refused) {
  const std::string run = leave_open_step(OnUnknown::ask);
  const RunSummary waiting = await(run, RunState::waiting_approval);
  restart();
  resume();
  ASSERT_TRUE(
      agents_->approve(request(), run, waiting.pending_approval["digest"].as_string(), false)
          .is_ok());
  EXPECT_EQ(await(run, RunState::completed).answer, "went on");
  EXPECT_FALSE(fs::exists(workspace() / "a.txt"));
}

TEST_F(UnknownOutcome, retry_repeats_under_the_same_key) {
  const std::string run = leave_open_step(OnUnknown::retry);
  EXPECT_EQ(await(run, RunState::completed).answer, "went on");
  EXPECT_EQ(ledger(), (std::map<std::string, int>{{run + "/2", 1}}));
}

TEST_F(UnknownOutcome, fail_ends_the_run_and_says_which_step) {
  const std::string run = leave_open_step(OnUnknown::fail);
  const RunSummary summary = await(run, RunState::failed);
  EXPECT_NE(summary.failure.find("the outcome of step 2 (write_file) is unknown"),
            std::string::npos);
}

}  // namespace
}  // namespace plinth::agents::testing
