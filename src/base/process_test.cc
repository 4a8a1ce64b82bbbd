// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/detail/descriptor.h"

namespace plinth {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", script};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  spec.time_max = 20s;
  return spec;
}

ProcessOutcome run(const ProcessSpec& spec) {
  Result<ProcessOutcome> outcome = SystemProcessSupervisor().run(spec);
  EXPECT_TRUE(outcome.is_ok()) << outcome.error().message;
  return std::move(outcome).value();
}

// Gone or a zombie: a child of someone else may take a moment to be reaped.
bool is_soon_gone(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  for (int i = 0; i < 400; ++i) {
    char stat[256] = {};
    const Descriptor file(::open(path.c_str(), O_RDONLY));
    if (!file || ::read(file.get(), stat, sizeof stat - 1) <= 0) return true;
    if (std::string_view(stat).find(") Z") != std::string_view::npos) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(Process, reports_outputs_and_exit_code) {
  const ProcessOutcome outcome = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_FALSE(outcome.is_signaled);
  EXPECT_EQ(outcome.standard_output, "out\n");
  EXPECT_EQ(outcome.standard_error, "err\n");
}

TEST(Process, reports_the_signal_that_ended_the_child) {
  const ProcessOutcome outcome = run(shell("kill -TERM $$"));
  EXPECT_TRUE(outcome.is_signaled);
  EXPECT_EQ(outcome.signal, SIGTERM);
  EXPECT_FALSE(outcome.is_timed_out);
}

TEST(Process, finds_programs_in_path_and_says_not_found_otherwise) {
  ProcessSpec spec;
  spec.argv = {"true"};
  EXPECT_EQ(run(spec).exit_code, 0);
  SystemProcessSupervisor supervisor;
  for (const char* name : {"plinth-no-such-program", "/no/such/program", "/etc/passwd", "/tmp"}) {
    spec.argv = {name};
    const auto outcome = supervisor.run(spec);
    ASSERT_TRUE(outcome.is_error()) << name;
    EXPECT_EQ(outcome.error().code, ErrorCode::not_found) << name;
  }
}

TEST(Process, refuses_specs_no_child_can_be_started_from) {
  SystemProcessSupervisor supervisor;
  ProcessSpec spec;
  EXPECT_EQ(supervisor.run(spec).error().param, "argv");
  spec = shell("true");
  spec.argv.push_back(std::string("a\0b", 3));
  EXPECT_EQ(supervisor.run(spec).error().param, "argv");
  spec = shell("true");
  spec.environment["A=B"] = "x";
  EXPECT_EQ(supervisor.run(spec).error().param, "environment");
  spec = shell("true");
  spec.extra_inputs = {{2, "x"}};
  EXPECT_EQ(supervisor.run(spec).error().param, "extra_inputs");
  spec.extra_inputs = {{3, "x"}, {3, "y"}};
  EXPECT_EQ(supervisor.run(spec).error().param, "extra_inputs");
}

TEST(Process, a_working_folder_that_does_not_exist_is_an_error) {
  ProcessSpec spec = shell("pwd");
  spec.working_folder = "/usr";
  EXPECT_EQ(run(spec).standard_output, "/usr\n");
  spec.working_folder = "/no/such/folder";
  EXPECT_EQ(SystemProcessSupervisor().run(spec).error().code, ErrorCode::io_failed);
}

TEST(Process, the_child_has_only_the_environment_it_was_given) {
  ProcessSpec spec;
  spec.argv = {"env"};
  spec.environment = {{"ONLY", "this one"}};
  EXPECT_EQ(run(spec).standard_output, "ONLY=this one\n");
}

TEST(Process, feeds_more_input_than_a_pipe_holds_and_collects_as_much) {
  ProcessSpec spec;
  spec.argv = {"cat"};
  for (int i = 0; i < 100'000; ++i) spec.standard_input += std::to_string(i) + "\n";
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output, spec.standard_input);
  EXPECT_FALSE(outcome.is_output_cut);
}

TEST(Process, a_child_that_never_reads_its_input_does_no_harm) {
  ProcessSpec spec = shell("exec 0<&-; exit 0");
  spec.standard_input = std::string(1u << 20, 'x');
  EXPECT_EQ(run(spec).exit_code, 0);
}

TEST(Process, extra_inputs_arrive_on_their_own_descriptors) {
  ProcessSpec spec = shell("cat <&5; cat; cat <&3");
  spec.standard_input = "two ";
  spec.extra_inputs = {{3, "three"}, {5, "one "}};
  EXPECT_EQ(run(spec).standard_output, "one two three");
}

TEST(Process, no_other_descriptor_of_the_parent_reaches_the_child) {
  const Descriptor leaky(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
  const Descriptor high(::fcntl(leaky.get(), F_DUPFD, 200));
  ProcessSpec spec = shell("for f in /proc/self/fd/*; do echo ${f##*/}; done");
  spec.extra_inputs = {{7, "x"}};
  const std::string listed = run(spec).standard_output;
  EXPECT_EQ(listed.find(std::to_string(high.get())), std::string::npos) << listed;
  EXPECT_THAT(listed, HasSubstr("7\n"));
  EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 5) << listed;  // 0 1 2 7, the listing
}

TEST(Process, a_timeout_kills_the_whole_group_and_keeps_what_was_written) {
  ProcessSpec spec = shell("echo early; sleep 60 & sleep 60");
  spec.time_max = 200ms;
  const auto start = std::chrono::steady_clock::now();
  const ProcessOutcome outcome = run(spec);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  EXPECT_TRUE(outcome.is_timed_out);
  EXPECT_TRUE(outcome.is_signaled);
  EXPECT_EQ(outcome.signal, SIGKILL);
  EXPECT_EQ(outcome.standard_output, "early\n");
}

TEST(Process, a_grandchild_that_holds_the_output_open_neither_blocks_nor_survives) {
  const auto start = std::chrono::steady_clock::now();
  const ProcessOutcome outcome = run(shell("sleep 60 & echo $!"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  const pid_t grandchild = std::stoi(outcome.standard_output);
  EXPECT_TRUE(is_soon_gone(grandchild));
}

TEST(Process, output_past_the_limit_is_dropped_and_flagged) {
  ProcessSpec spec = shell("head -c 100000 /dev/zero; echo done >&2");
  spec.output_bytes_max = 1000;
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output.size(), 1000u);
  EXPECT_TRUE(outcome.is_output_cut);
  EXPECT_EQ(outcome.standard_error, "done\n");
}

TEST(Process, the_child_starts_with_default_signals_and_an_own_group) {
  ::signal(SIGPIPE, SIG_IGN);
  const ProcessOutcome outcome = run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(outcome.standard_output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  EXPECT_EQ(run(shell("test $(cut -d' ' -f5 /proc/self/stat) = $$")).exit_code, 0);
}

TEST(Process, leaves_no_zombie_and_no_descriptor) {
  const auto open_count = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += ::fcntl(fd, F_GETFD) != -1;
    return count;
  };
  const int before = open_count();
  for (int i = 0; i < 5; ++i) run(shell("true"));
  ProcessSpec failing = shell("true");
  failing.working_folder = "/no/such/folder";
  EXPECT_TRUE(SystemProcessSupervisor().run(failing).is_error());
  EXPECT_EQ(open_count(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Process, runs_from_many_threads_at_once) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 10; ++i) {
        ProcessSpec spec;
        spec.argv = {"cat"};
        spec.standard_input = std::to_string(t * 100 + i);
        EXPECT_EQ(run(spec).standard_output, spec.standard_input);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// A parent of our own making, killed while its child runs.
TEST(Process, the_child_dies_with_the_parent) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    const ProcessSpec spec =
        shell("echo $$ > /proc/$PPID/fd/" + std::to_string(ends[1]) + "; exec sleep 60");
    [[maybe_unused]] const auto outcome = SystemProcessSupervisor().run(spec);
    ::_exit(0);
  }
  ::close(ends[1]);
  char text[32] = {};
  ASSERT_GT(::read(ends[0], text, sizeof text - 1), 0);
  ::close(ends[0]);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  const pid_t child = std::stoi(text);
  EXPECT_TRUE(is_soon_gone(child));
}

TEST(Process, own_program_path_is_absolute_and_exists) {
  const std::string path = own_program_path().value();
  EXPECT_EQ(path[0], '/');
  EXPECT_EQ(::access(path.c_str(), X_OK), 0);
}

}  // namespace
}  // namespace plinth
