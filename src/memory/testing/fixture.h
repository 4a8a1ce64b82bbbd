// SPDX-License-Identifier: Apache-2.0
// For tests: a memory over an embedded store in a folder of its own, with a guard that the test
// commands.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"
#include "base/mutex.h"
#include "memory/memory.h"

namespace plinth::memory {

// Says what the test wants and keeps what it was asked.
class CommandedAuthorizer final : public guard::Authorizer {
 public:
  guard::Decision authorize(const guard::Request& request, const guard::Action& action) override {
    MutexLock lock(mutex_);
    asked_.push_back({request.principal.id, action});
    return decision_;
  }
  guard::Decision preview(const guard::Request&, const guard::Action&) const override {
    ADD_FAILURE() << "memory must not act on a preview";
    return {};
  }

  struct Question {
    std::string principal;
    guard::Action action;
  };
  std::vector<Question> take_questions() {
    MutexLock lock(mutex_);
    return std::exchange(asked_, {});
  }
  void answer(guard::Effect effect) {
    MutexLock lock(mutex_);
    decision_ = decision(effect);
  }

 private:
  static guard::Decision decision(guard::Effect effect) {
    guard::Decision made;
    made.id = "dec_1";
    made.effect = effect;
    made.reason = "the test says so";
    return made;
  }

  Mutex mutex_;
  std::vector<Question> asked_ GUARDED_BY(mutex_);
  guard::Decision decision_ GUARDED_BY(mutex_) = decision(guard::Effect::allow);
};

class MemoryFixture : public testing::Test {
 protected:
  MemoryFixture() {
    set_log_level(LogLevel::off);
    static int count = 0;
    const std::filesystem::path parent = ::access("/dev/shm", W_OK) == 0
                                             ? std::filesystem::path("/dev/shm")
                                             : std::filesystem::temp_directory_path();
    folder_ =
        parent / ("plinth-memory-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::remove_all(folder_);
    reopen();
  }
  ~MemoryFixture() override {
    memory_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void reopen() {
    memory_.reset();
    store_.reset();
    store_ = MUST(store::open_embedded({.folder = folder_.string(),
                                        .disk = disk_,
                                        .clock = clock_,
                                        .random = random_,
                                        .metrics = nullptr}),
                  "a test's own folder");
    memory_ = MUST(create_memory(options(*embedder_)), "the options are good");
  }
  MemoryOptions options(const Embedder& embedder) {
    return {*store_, authorizer_, embedder, clock_, random_, metrics_};
  }

  static guard::Request as(const std::string& principal, const std::string& tenant = "default",
                           guard::PrincipalKind kind = guard::PrincipalKind::user) {
    guard::Request request;
    request.principal = {.id = principal, .tenant = tenant, .kind = kind, .roles = {}};
    return request;
  }
  Result<Record> remember(const guard::Request& request, const std::string& text,
                          const std::string& id = "", const std::string& space = "notes") {
    clock_.advance(std::chrono::seconds(1));
    return memory_->remember(request, space, text, Json::object(), id);
  }
  std::vector<std::string> recalled(const guard::Request& request, const std::string& query,
                                    size_t limit = 10, const std::string& space = "notes") {
    std::vector<std::string> texts;
    const auto found = memory_->recall(request, space, query, limit);
    EXPECT_TRUE(found) << found.error().message;
    if (!found) return texts;
    for (const Recalled& one : *found) texts.push_back(one.record.text);
    return texts;
  }

  std::filesystem::path folder_;
  SystemDisk disk_;
  ManualClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  CommandedAuthorizer authorizer_;
  std::unique_ptr<Embedder> embedder_ = create_lexical_embedder();
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace plinth::memory
