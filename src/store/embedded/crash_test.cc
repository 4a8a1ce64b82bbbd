// SPDX-License-Identifier: Apache-2.0
// kill -9 at random instants: a child appends and says what was acknowledged, the parent kills it
// and reads. The child is this program run again, because a process with threads must not fork
// without exec.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

constexpr const char* kFolderVariable = "PLINTH_CRASH_TEST_FOLDER";
constexpr int kRounds = 20;
constexpr int kWriters = 3;

StreamName stream_of(int writer) { return {"default", "run", "run_" + std::to_string(writer)}; }

// Appends numbers to its own stream and prints "WRITER NUMBER\n" after each acknowledgement.
void write_until_killed(Journal& journal, int writer) {
  const Sequence start = *journal.last(stream_of(writer));
  for (Sequence number = start + 1;; ++number) {
    const auto answer =
        journal.append(stream_of(writer), number - 1, {{"subject", std::to_string(number)}}, "");
    if (answer.is_error()) return;
    const std::string line = std::to_string(writer) + " " + std::to_string(number) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return;
  }
}

TEST(CrashChild, appends_until_it_is_killed) {
  const char* folder = std::getenv(kFolderVariable);
  if (folder == nullptr) GTEST_SKIP() << "runs only as a child of Crash";
  TestParts parts;
  const auto store = open_embedded(parts.options(folder));
  ASSERT_TRUE(store) << store.error().message;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] { write_until_killed((*store)->journal(), w); });
  }
  for (std::thread& writer : writers) writer.join();
}

struct Child {
  pid_t pid = -1;
  int output = -1;
};

Child start_child(const std::string& folder) {
  std::array<int, 2> ends{};
  CHECK(::pipe(ends.data()) == 0);
  const pid_t pid = ::fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::setenv(kFolderVariable, folder.c_str(), 1);
    ::execl("/proc/self/exe", "crash_child", "--gtest_filter=CrashChild.*", "--gtest_brief=1",
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, ends[0]};
}

// Reads acknowledgements; kills the child `life` after its first one; returns the last number of
// each writer.
std::array<Sequence, kWriters> run_and_kill(const std::string& folder,
                                            std::chrono::microseconds life) {
  const Child child = start_child(folder);
  std::array<Sequence, kWriters> acknowledged{};
  std::string pending;
  std::thread killer;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = ::read(child.output, buffer.data(), buffer.size());
    if (count <= 0) break;
    if (!killer.joinable()) {
      killer = std::thread([&] {
        std::this_thread::sleep_for(life);
        ::kill(child.pid, SIGKILL);
      });
    }
    pending.append(buffer.data(), static_cast<size_t>(count));
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      size_t writer = 0;
      unsigned long long number = 0;
      if (std::sscanf(pending.c_str(), "%zu %llu", &writer, &number) == 2 && writer < kWriters) {
        acknowledged[writer] = std::max<Sequence>(acknowledged[writer], number);
      }
      pending.erase(0, end + 1);
    }
  }
  if (killer.joinable()) killer.join();
  ::close(child.output);
  int status = 0;
  CHECK(::waitpid(child.pid, &status, 0) == child.pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself";
  return acknowledged;
}

TEST(Crash, every_acknowledged_append_survives_kill_nine_in_order_and_without_gaps) {
  TestFolder folder;
  TestParts parts;
  SeededRandom random(20);
  Sequence total = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::chrono::microseconds life(random.below(40'000));
    const auto acknowledged = run_and_kill(folder.path(), life);
    const auto store = open_embedded(parts.options(folder.path()));
    ASSERT_TRUE(store) << store.error().message;
    total = 0;
    for (int w = 0; w < kWriters; ++w) {
      Sequence expected = 0;
      for (;;) {
        const auto page = (*store)->journal().read(stream_of(w), expected, kReadEntriesMax);
        ASSERT_TRUE(page) << page.error().message;
        if (page->empty()) break;
        for (const StoredEntry& entry : *page) {
          ASSERT_EQ(entry.sequence, ++expected);
          ASSERT_EQ(entry.body, std::to_string(expected));
        }
      }
      EXPECT_GE(expected, acknowledged[static_cast<size_t>(w)]) << "an acknowledged append is lost";
      total += expected;
    }
  }
  EXPECT_GT(total, kRounds) << "the children did write";
}

}  // namespace
}  // namespace plinth::store
