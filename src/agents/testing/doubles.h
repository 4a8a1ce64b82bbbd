// SPDX-License-Identifier: Apache-2.0
// For tests: what surrounds Agents, under the test's command. A model that follows a script, a
// guard that answers as told, a sandbox that runs tools in this process, a journal that stops
// taking appends at a chosen one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "agents/agents.h"
#include "agents/tools/tool_exec.h"
#include "base/mutex.h"

namespace plinth::agents::testing {

// Answers the n-th question of a conversation with the n-th line of the script, however often it is
// asked.
class ScriptedServing final : public serving::Serving {
 public:
  using Reply = Result<protocol::ChatReply>;

  static protocol::ChatReply says(std::string text) {
    protocol::ChatReply reply;
    reply.text = std::move(text);
    reply.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 0};
    return reply;
  }
  // Each call: {tool, arguments as the model writes them}.
  static protocol::ChatReply calls(std::vector<std::pair<std::string, std::string>> calls) {
    protocol::ChatReply reply = says("");
    reply.reason = protocol::FinishReason::tool_calls;
    for (auto& [name, arguments] : calls) {
      reply.tool_calls.push_back({"call_" + name, name, arguments});
    }
    return reply;
  }

  void script(std::vector<Reply> replies) {
    MutexLock lock(mutex_);
    replies_ = std::move(replies);
  }
  // Called before each answer, without the lock.
  void on_call(std::function<void(const guard::Request&)> hook) {
    MutexLock lock(mutex_);
    hook_ = std::move(hook);
  }
  std::vector<protocol::ChatRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  std::vector<guard::Request> callers() const {
    MutexLock lock(mutex_);
    return callers_;
  }

  Result<serving::TokenizedPrompt> tokenize(const guard::Request&, serving::TokenizeCall) override {
    return make_error(ErrorCode::unsupported, "the test has no tokenizer");
  }
  Result<std::string> detokenize(const guard::Request&, const std::string&,
                                 const std::vector<int32_t>&) override {
    return make_error(ErrorCode::unsupported, "the test has no tokenizer");
  }
  Result<protocol::ChatReply> chat_whole(const guard::Request& request,
                                         protocol::ChatRequest chat) override {
    std::function<void(const guard::Request&)> hook;
    size_t turn = 0;
    for (const auto& message : chat.messages) {
      turn += message.role == protocol::Role::assistant ? 1 : 0;
    }
    {
      MutexLock lock(mutex_);
      requests_.push_back(std::move(chat));
      callers_.push_back(request);
      hook = hook_;
    }
    if (hook) hook(request);
    if (request.cancellation.is_cancelled()) {
      return make_error(ErrorCode::cancelled, "the call was cancelled");
    }
    MutexLock lock(mutex_);
    if (turn >= replies_.size()) return says("the script has ended");
    return replies_[turn];
  }
  Result<std::unique_ptr<serving::ChatStream>> chat(const guard::Request&,
                                                    protocol::ChatRequest) override {
    return make_error(ErrorCode::unsupported, "agents ask for whole replies");
  }
  Result<std::unique_ptr<serving::ChatStream>> embed(const guard::Request&,
                                                     protocol::EmbeddingRequest) override {
    return make_error(ErrorCode::unsupported, "agents ask for no embeddings");
  }
  Status add_model(const serving::ModelSpec&) override { return ok(); }
  Status add_route(const serving::RouteSpec&) override { return ok(); }
  Result<std::vector<serving::ModelStatus>> models(const guard::Request&) override {
    return std::vector<serving::ModelStatus>();
  }
  Result<serving::ModelStatus> model(const guard::Request&, const std::string&) override {
    return serving::ModelStatus();
  }
  Result<int64_t> count_tokens(const guard::Request&, protocol::ChatRequest) override {
    return make_error(ErrorCode::unsupported, "a script has no tokens");
  }
  Result<Json> explain(const guard::Request&, const std::string& id) override {
    return make_error(ErrorCode::not_found, "no request " + id);
  }
  std::optional<serving::RateLimit> rate_limit(const guard::Request&) const override {
    return std::nullopt;
  }
  void publish_load() override {}
  void check_upstreams(Duration) override {}
  std::map<std::string, int> states() const override { return {}; }
  std::string default_model() const override { return "scripted"; }

 private:
  mutable Mutex mutex_;
  std::vector<Reply> replies_ GUARDED_BY(mutex_);
  std::function<void(const guard::Request&)> hook_ GUARDED_BY(mutex_);
  std::vector<protocol::ChatRequest> requests_ GUARDED_BY(mutex_);
  std::vector<guard::Request> callers_ GUARDED_BY(mutex_);
};

// Allows everything but what the test names, and keeps what it was asked.
class CommandedAuthorizer final : public guard::Authorizer {
 public:
  struct Question {
    guard::Request request;
    guard::Action action;
  };

  guard::Decision authorize(const guard::Request& request, const guard::Action& action) override {
    MutexLock lock(mutex_);
    asked_.push_back({request, action});
    guard::Decision decision = decide(request, action);
    decision.id = "dec_" + std::to_string(asked_.size());
    return decision;
  }
  guard::Decision preview(const guard::Request& request,
                          const guard::Action& action) const override {
    MutexLock lock(mutex_);
    return decide(request, action);
  }
  // what: "tool:write_file" or "run.start"
  void answer(const std::string& what, guard::Effect effect) {
    MutexLock lock(mutex_);
    answers_[what] = effect;
  }
  std::vector<Question> asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }
  size_t count(const std::string& action) const {
    size_t count = 0;
    for (const auto& question : asked()) {
      count += guard::action_name(question.action.kind) == action ? 1 : 0;
    }
    return count;
  }

 private:
  guard::Decision decide(const guard::Request& request, const guard::Action& action) const
      REQUIRES(mutex_) {
    guard::Decision decision;
    decision.effect = guard::Effect::allow;
    const std::string resource = action.resource_type + ":" + action.resource_id;
    const std::string name(guard::action_name(action.kind));
    for (const auto& key : {name, resource}) {
      const auto found = answers_.find(key);
      if (found == answers_.end()) continue;
      decision.effect = found->second;
      decision.reason = "the test says so";
      decision.approval = "may it?";
      decision.policies = {"test"};
    }
    // A real guard refuses what lies outside the scope before any policy.
    if (!request.scope.allows(name, resource)) {
      decision.effect = guard::Effect::deny;
      decision.reason = "outside what was delegated";
    }
    return decision;
  }

  mutable Mutex mutex_;
  std::vector<Question> asked_ GUARDED_BY(mutex_);
  std::map<std::string, guard::Effect> answers_ GUARDED_BY(mutex_);
};

// A guard of which Agents uses the authorizer only; every other door says so.
class OnlyAuthorizer final : public guard::Guard {
 public:
  explicit OnlyAuthorizer(guard::Authorizer& authorizer) : authorizer_(authorizer) {}
  guard::Authorizer& authorizer() override { return authorizer_; }
  guard::AuditLog& audit() override { return unused<guard::AuditLog>(); }
  guard::Keys& keys() override { return unused<guard::Keys>(); }
  Result<std::vector<guard::PolicySummary>> policies(const guard::Request&) const override {
    return not_here();
  }
  Status put_policies(const guard::Request&, const std::string&, const std::string&) override {
    return not_here();
  }
  Status remove_policies(const guard::Request&, const std::string&) override { return not_here(); }
  Result<std::vector<guard::AuditEntry>> audit_latest(const guard::Request&, size_t) override {
    return not_here();
  }
  Result<guard::AuditEntry> audit_find(const guard::Request&, const std::string&) override {
    return not_here();
  }
  Result<guard::AuditProof> audit_verify(const guard::Request&) override { return not_here(); }
  Result<guard::NewKey> create_key(const guard::Request&, const std::string&,
                                   const std::set<std::string>&) override {
    return not_here();
  }
  Result<std::vector<guard::KeyRecord>> list_keys(const guard::Request&) override {
    return not_here();
  }
  Status revoke_key(const guard::Request&, const std::string&) override { return not_here(); }

 private:
  static Error not_here() { return make_error(ErrorCode::unsupported, "not in this test"); }
  template <typename T>
  static T& unused() {
    check_failed(__FILE__, __LINE__, "agents use the authorizer only");
  }
  guard::Authorizer& authorizer_;
};

// Runs a tool's code in this process on the folder it would see, and checks that it may see it.
class InProcessSandbox final : public guard::Sandbox {
 public:
  const guard::SandboxReport& report() const override { return report_; }
  Result<ProcessOutcome> run(const guard::SandboxSpec& spec) override {
    EXPECT_EQ(spec.argv.size(), 3u);
    EXPECT_EQ(spec.argv[1], "tool-exec");
    EXPECT_TRUE(spec.allowed_hosts.empty());
    MutexLock lock(mutex_);
    specs_.push_back(spec);
    ProcessOutcome outcome;
    if (cut_offs_left_ > 0) {
      --cut_offs_left_;
      outcome.is_timed_out = true;
      return outcome;
    }
    outcome.exit_code = 0;
    outcome.standard_output =
        run_confined_tool(spec.argv[2], spec.working_folder, spec.standard_input);
    return outcome;
  }
  // The next runs end by their time limit, without having done anything.
  void cut_off(int runs) {
    MutexLock lock(mutex_);
    cut_offs_left_ = runs;
  }
  std::vector<guard::SandboxSpec> specs() const {
    MutexLock lock(mutex_);
    return specs_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<guard::SandboxSpec> specs_ GUARDED_BY(mutex_);
  int cut_offs_left_ GUARDED_BY(mutex_) = 0;
  guard::SandboxReport report_;
};

class NoNetwork final : public http::Client {
 public:
  Result<http::ClientResponse> send(const http::ClientRequest& request,
                                    const Cancellation&) override {
    MutexLock lock(mutex_);
    sent_.push_back(request);
    http::ClientResponse response;
    response.status = status_;
    response.body = body_;
    return response;
  }
  Result<http::ClientResponse> stream(const http::ClientRequest& request,
                                      const std::function<bool(std::string_view)>&,
                                      const Cancellation& cancellation) override {
    return send(request, cancellation);
  }
  // Runs only call tools, and tools block.
  std::shared_ptr<http::ClientCall> start(http::ClientRequest, http::CallHandlers) override {
    return nullptr;
  }
  void answer(int status, std::string body) {
    MutexLock lock(mutex_);
    status_ = status;
    body_ = std::move(body);
  }
  std::vector<http::ClientRequest> sent() const {
    MutexLock lock(mutex_);
    return sent_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<http::ClientRequest> sent_ GUARDED_BY(mutex_);
  int status_ GUARDED_BY(mutex_) = 200;
  std::string body_ GUARDED_BY(mutex_) = "hello";
};

// Passes appends on until the chosen one to a run's stream; from then on this process writes
// nothing more.
class CrashingJournal final : public store::Journal {
 public:
  enum class Last : uint8_t { is_lost, is_written };  // the append at which the process dies

  explicit CrashingJournal(store::Journal& journal) : journal_(journal) {}
  void crash_at(size_t append, Last last) {
    MutexLock lock(mutex_);
    appends_left_ = append;
    last_ = last;
    is_dead_ = false;
  }
  void revive() {
    MutexLock lock(mutex_);
    appends_left_.reset();
    is_dead_ = false;
  }
  bool is_dead() const {
    MutexLock lock(mutex_);
    return is_dead_;
  }
  size_t appends() const {
    MutexLock lock(mutex_);
    return appends_;
  }

  Result<store::Sequence> append(const store::StreamName& stream, store::Sequence expected,
                                 const std::vector<store::Entry>& entries,
                                 const std::string& append_id) override {
    if (stream.kind == "run") {
      MutexLock lock(mutex_);
      ++appends_;
      if (is_dead_) return dead();
      if (appends_left_ && (*appends_left_)-- == 0) {
        is_dead_ = true;
        if (last_ == Last::is_written) {
          EXPECT_TRUE(journal_.append(stream, expected, entries, append_id).is_ok());
        }
        return dead();
      }
    }
    return journal_.append(stream, expected, entries, append_id);
  }
  Result<std::vector<store::StoredEntry>> read(const store::StreamName& stream,
                                               store::Sequence after, size_t limit) const override {
    return journal_.read(stream, after, limit);
  }
  Result<store::Sequence> last(const store::StreamName& stream) const override {
    return journal_.last(stream);
  }
  Result<std::vector<store::StreamName>> streams(const std::string& tenant,
                                                 const std::string& kind) const override {
    return journal_.streams(tenant, kind);
  }
  Result<std::vector<std::string>> tenants() const override { return journal_.tenants(); }
  Status erase_subject(const std::string& tenant, const std::string& subject) override {
    return journal_.erase_subject(tenant, subject);
  }

 private:
  static Error dead() { return make_error(ErrorCode::io_failed, "the process has died"); }

  store::Journal& journal_;
  mutable Mutex mutex_;
  std::optional<size_t> appends_left_ GUARDED_BY(mutex_);
  Last last_ GUARDED_BY(mutex_) = Last::is_lost;
  bool is_dead_ GUARDED_BY(mutex_) = false;
  size_t appends_ GUARDED_BY(mutex_) = 0;
};

class CrashingStore final : public store::Store {
 public:
  explicit CrashingStore(store::Store& store) : store_(store), journal_(store.journal()) {}
  CrashingJournal& journal() override { return journal_; }
  store::KeyValue& key_value() override { return store_.key_value(); }
  store::Blobs& blobs() override { return store_.blobs(); }
  store::Events& events() override { return store_.events(); }
  const std::string& origin() const override { return store_.origin(); }

 private:
  store::Store& store_;
  CrashingJournal journal_;
};

}  // namespace plinth::agents::testing
