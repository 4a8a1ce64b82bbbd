// SPDX-License-Identifier: Apache-2.0
// The doors: each asks the authorizer, each says no in the same way, none lets one tenant see
// another's runs.
#include "agents/testing/fixture.h"

namespace plinth::agents::testing {
namespace {

using S = ScriptedServing;

class AgentsDoors : public AgentsFixture {
 protected:
  AgentsDoors() {
    put_agent("version: 1\nname: worker\ntools: [calculate, write_file]\n");
    serving_.script({S::says("done")});
  }

  std::string completed_run(const std::string& key = "") {
    const std::string run = start("Say done", "worker", key);
    await(run, RunState::completed);
    return run;
  }
};

TEST_F(AgentsDoors, every_door_asks_before_it_acts_and_does_nothing_when_denied) {
  const std::string run = completed_run();
  AgentSpec agent = MUST(parse_agent("version: 1\nname: second\n"), "valid");
  struct Door {
    const char* action;
    std::function<Result<std::string>()> call;
  };
  const auto done = [](const auto& result) -> Result<std::string> {
    if (result.is_error()) return result.error();
    return std::string("ok");
  };
  std::string started;
  const std::vector<Door> doors = {
      {"agent.write", [&] { return done(agents_->put_agent(request(), agent)); }},
      {"agent.read", [&] { return done(agents_->list_agents(request())); }},
      {"agent.read", [&] { return done(agents_->get_agent(request(), "worker")); }},
      {"agent.write", [&] { return done(agents_->remove_agent(request(), "second")); }},
      {"run.start",
       [&] {
         const auto begun = agents_->start(request(), "worker", "x", "", {});
         if (begun.is_ok()) started = begun->id;
         return done(begun);
       }},
      {"run.read", [&] { return done(agents_->get(request(), run)); }},
      {"run.read", [&] { return done(agents_->list(request(), 10)); }},
      {"run.read", [&] { return done(agents_->entries(request(), run, 0, 10)); }},
      {"run.cancel", [&] { return done(agents_->cancel(request(), run)); }},
      {"run.approve", [&] { return done(agents_->approve(request(), run, "d", true)); }},
      {"tool.call",
       [&] {
         return done(
             agents_->call_tool(request(), "calculate", Json::object({{"expression", "1+1"}}), ""));
       }},
  };
  for (const auto& door : doors) {
    const size_t before = authorizer_.count(door.action);
    const auto answer = door.call();
    const bool is_expected = answer.is_ok() || answer.error().code == ErrorCode::conflict;
    EXPECT_TRUE(is_expected) << door.action << ": " << answer.error().message;
    EXPECT_EQ(authorizer_.count(door.action), before + 1) << door.action;
  }
  await(started, RunState::completed);  // from here on only a door could append
  const size_t appends = crashing_->journal().appends();
  for (const auto& door : doors) authorizer_.answer(door.action, guard::Effect::deny);
  for (const auto& door : doors) {
    EXPECT_EQ(door.call().error().code, ErrorCode::denied) << door.action;
  }
  EXPECT_EQ(crashing_->journal().appends(), appends);
}

TEST_F(AgentsDoors, a_removed_agent_is_gone_and_its_runs_are_not) {
  const std::string run = completed_run();
  EXPECT_EQ(MUST(agents_->get_agent(request(), "worker"), "it was put").tools.size(), 2U);
  ASSERT_TRUE(agents_->remove_agent(request(), "worker").is_ok());
  EXPECT_EQ(agents_->get_agent(request(), "worker").error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->remove_agent(request(), "worker").error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->start(request(), "worker", "x", "", {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(get(run).state, RunState::completed);
}

TEST_F(AgentsDoors, an_idempotency_key_names_one_run) {
  const std::string first = completed_run("order-7");
  EXPECT_EQ(start("Say done", "worker", "order-7"), first);
  restart();
  resume();
  EXPECT_EQ(start("Say done", "worker", "order-7"), first);
  EXPECT_NE(start("Say done", "worker", "order-8"), first);
  const auto other_goal = agents_->start(request(), "worker", "Say more", "order-7", {});
  EXPECT_EQ(other_goal.error().code, ErrorCode::conflict);
  const auto other_person = agents_->start(request("bob"), "worker", "Say done", "order-7", {});
  ASSERT_TRUE(other_person.is_ok());
  EXPECT_NE(other_person->id, first);
}

TEST_F(AgentsDoors, the_same_key_from_many_threads_begins_one_run) {
  std::set<std::string> runs;
  Mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto run = agents_->start(request(), "worker", "Say done", "same", {});
      // A caller that loses the race to begin may be told to try again; it is never given a second
      // run.
      if (run.is_error()) return;
      MutexLock lock(mutex);
      runs.insert(run->id);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(runs.size(), 1u);
  EXPECT_EQ(agents_->list(request(), 100)->size(), 1u);
}

TEST_F(AgentsDoors, a_tenant_sees_its_own_runs_only) {
  const std::string run = completed_run();
  guard::Request other = request("mallory");
  other.principal.tenant = "other";
  EXPECT_EQ(agents_->get(other, run).error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->entries(other, run, 0, 10).error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->cancel(other, run).error().code, ErrorCode::not_found);
  EXPECT_TRUE(agents_->list(other, 10)->empty());
  EXPECT_TRUE(agents_->list_agents(other)->empty());
  EXPECT_EQ(agents_->start(other, "worker", "x", "", {}).error().code, ErrorCode::not_found);
}

TEST_F(AgentsDoors, the_owner_of_a_run_is_a_fact_of_every_question_about_it) {
  const std::string run = completed_run();
  EXPECT_TRUE(agents_->get(request("bob"), run).is_ok());
  const auto question = authorizer_.asked().back();
  EXPECT_EQ(question.action.facts["owner"].as_string(), "alice");
  EXPECT_EQ(question.request.principal.id, "bob");
}

TEST_F(AgentsDoors, the_list_leaves_out_runs_a_single_read_would_refuse) {
  const std::string first = completed_run();
  const std::string second = completed_run();
  authorizer_.answer("run:" + first, guard::Effect::deny);
  const auto runs = agents_->list(request(), 10);
  ASSERT_EQ(runs->size(), 1u);
  EXPECT_EQ(runs->front().id, second);
}

TEST_F(AgentsDoors, what_does_not_fit_is_refused_with_its_reason) {
  EXPECT_EQ(agents_->start(request(), "nobody", "x", "", {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->start(request(), "worker", "  ", "", {}).error().param, "goal");
  EXPECT_EQ(agents_->start(request(), "worker", std::string(40'000, 'x'), "", {}).error().param,
            "goal");
  EXPECT_EQ(agents_->start(request(), "worker", "x", std::string(300, 'k'), {}).error().param,
            "idempotency_key");
  EXPECT_EQ(agents_->start(request(), "worker", "x", "", std::chrono::hours(10'000)).error().param,
            "delay");
  EXPECT_EQ(agents_->get(request(), "../etc").error().code, ErrorCode::not_found);
  EXPECT_EQ(agents_->get(request(), "run_none").error().code, ErrorCode::not_found);
}

TEST_F(AgentsDoors, a_workspace_must_not_reach_into_the_nodes_own_files) {
  for (const std::string& folder :
       {folder_.string(), (folder_ / "store").string(), std::string("/"),
        folder_.parent_path().string(), (folder_ / "workspaces" / ".." / "store").string(),
        (folder_ / "workspaces/").string()}) {
    AgentSpec agent = MUST(parse_agent("version: 1\nname: bad\n"), "valid");
    agent.workspace = folder;
    EXPECT_EQ(agents_->put_agent(request(), agent).error().param, "workspace") << folder;
  }
  AgentSpec agent = MUST(parse_agent("version: 1\nname: good\n"), "valid");
  agent.workspace = (folder_ / "workspaces" / "shared").string();
  EXPECT_TRUE(agents_->put_agent(request(), agent).is_ok());
}

TEST_F(AgentsDoors, open_runs_are_bounded) {
  for (int i = 0; i < 64; ++i) start("Later", "worker", "", std::chrono::hours(1));
  const auto refused = agents_->start(request(), "worker", "One more", "", {});
  EXPECT_EQ(refused.error().code, ErrorCode::overloaded);
}

TEST_F(AgentsDoors, a_call_outside_runs_is_recorded_with_intent_and_outcome) {
  const auto text =
      agents_->call_tool(request(), "calculate", Json::object({{"expression", "6*7"}}), "");
  ASSERT_TRUE(text.is_ok()) << text.error().message;
  EXPECT_EQ(*text, "42");
  const auto streams = store_->journal().streams("default", "call");
  ASSERT_EQ(streams->size(), 1u);
  const auto entries = store_->journal().read(streams->front(), store::kBeginning, 10);
  ASSERT_EQ(entries->size(), 2u);
  const Json intent = *Json::parse((*entries)[0].body);
  const Json outcome = *Json::parse((*entries)[1].body);
  EXPECT_EQ(intent["kind"].as_string(), "call.intended");
  EXPECT_EQ(intent["principal"].as_string(), "alice");
  EXPECT_FALSE(intent["decision"].as_string().empty());
  EXPECT_EQ(outcome["kind"].as_string(), "call.returned");
  EXPECT_EQ(outcome["call"], intent["call"]);
  EXPECT_FALSE(outcome["is_error"].as_bool(true));
}

TEST_F(AgentsDoors, a_call_outside_runs_writes_into_a_workspace_of_its_own) {
  const Json arguments = Json::object({{"path", "a.txt"}, {"content", "x"}});
  EXPECT_EQ(*agents_->call_tool(request(), "write_file", arguments, ""), "wrote 1 bytes to a.txt");
  EXPECT_EQ(read(workspace("+mcp.alice") / "a.txt"), "x");
  const Json path = Json::object({{"path", "a.txt"}});
  EXPECT_TRUE(agents_->call_tool(request(), "read_file", path, "").is_ok());
  guard::Request other = request();
  other.principal.tenant = "other";
  EXPECT_TRUE(agents_->call_tool(other, "read_file", path, "").is_error());
  EXPECT_TRUE(agents_->call_tool(request("bob"), "read_file", path, "").is_error());
  EXPECT_TRUE(agents_->call_tool(request("../alice"), "read_file", path, "").is_error());
  EXPECT_EQ(read(workspace("+mcp.alice") / "a.txt"), "x");
}

TEST_F(AgentsDoors, calls_outside_runs_remember_into_a_space_of_the_principals_own) {
  const Json text = Json::object({{"text", "the sky is blue"}});
  const Json query = Json::object({{"query", "sky"}});
  ASSERT_TRUE(agents_->call_tool(request(), "remember", text, "").is_ok());
  EXPECT_EQ(*agents_->call_tool(request(), "recall", query, ""), "the sky is blue");
  EXPECT_EQ(*agents_->call_tool(request("bob"), "recall", query, ""), "no records");
}

TEST_F(AgentsDoors, what_a_call_outside_runs_answered_labels_the_next_call_of_its_conversation) {
  fs::create_directories(workspace("+mcp.alice"));
  std::ofstream(workspace("+mcp.alice") / "letter.txt") << "write me somewhere";
  const auto label_of_next = [&](const std::string& principal, const std::string& conversation) {
    EXPECT_TRUE(agents_
                    ->call_tool(request(principal), "calculate",
                                Json::object({{"expression", "1"}}), conversation)
                    .is_ok());
    return authorizer_.asked().back();
  };
  const Json path = Json::object({{"path", "letter.txt"}});
  ASSERT_TRUE(agents_->call_tool(request(), "read_file", path, "one").is_ok());
  const auto next = label_of_next("alice", "one");
  EXPECT_FALSE(next.request.label.integrity.is_trusted());
  EXPECT_FALSE(next.request.label.confidentiality.is_public());
  EXPECT_EQ(next.action.facts["untrusted_sources"].items()[0].as_string(), "file:letter.txt");
  EXPECT_TRUE(label_of_next("alice", "two").request.label.integrity.is_trusted());
  EXPECT_TRUE(label_of_next("alice", "").request.label.integrity.is_trusted());
  EXPECT_TRUE(label_of_next("bob", "one").request.label.integrity.is_trusted());
  EXPECT_EQ(agents_->call_tool(request(), "read_file", path, "a b").error().param, "conversation");
  EXPECT_EQ(agents_->call_tool(request(), "read_file", path, std::string(129, 'x')).error().param,
            "conversation");
}

TEST_F(AgentsDoors, a_bad_call_outside_runs_is_an_error_that_says_why) {
  EXPECT_EQ(agents_->call_tool(request(), "fly", Json::object(), "").error().code,
            ErrorCode::not_found);
  EXPECT_EQ(agents_->call_tool(request(), "calculate", Json::object(), "").error().message,
            "arguments of calculate: 'expression' is missing");
  EXPECT_EQ(agents_->call_tool(request(), "calculate", Json::object({{"expression", "1/0"}}), "")
                .error()
                .message,
            "error: division by zero");
  authorizer_.answer("tool:calculate", guard::Effect::ask);
  EXPECT_EQ(agents_->call_tool(request(), "calculate", Json::object({{"expression", "1"}}), "")
                .error()
                .code,
            ErrorCode::approval_required);
}

TEST_F(AgentsDoors, the_catalog_is_shown_with_its_facts) {
  EXPECT_EQ(agents_->tool_specs().size(), 7u);
  EXPECT_EQ(agents_->tool_facts("http_get")["effect"].as_string(), "network");
  EXPECT_EQ(agents_->tool_facts("remember")["effect"].as_string(), "memory_write");
  EXPECT_EQ(agents_->tool_facts("read_file")["output_trust"].as_string(), "untrusted");
  EXPECT_TRUE(agents_->tool_facts("fly").is_null());
}

TEST_F(AgentsDoors, an_erased_run_is_gone) {
  const std::string run = completed_run();
  ASSERT_TRUE(store_->journal().erase_subject("default", run).is_ok());
  restart();
  resume();
  EXPECT_EQ(agents_->get(request(), run).error().code, ErrorCode::not_found);
  EXPECT_TRUE(agents_->list(request(), 10)->empty());
}

TEST_F(AgentsDoors, a_journal_this_program_does_not_understand_stops_nobody_else) {
  ASSERT_TRUE(store_->journal()
                  .append({"default", "run", "run_new"}, store::kBeginning,
                          {{"run_new", R"({"v":9,"kind":"run.started","at":1})"}}, "x")
                  .is_ok());
  const std::string run = completed_run();
  restart();
  resume();
  EXPECT_EQ(get(run).state, RunState::completed);
  EXPECT_EQ(agents_->get(request(), "run_new").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace plinth::agents::testing
