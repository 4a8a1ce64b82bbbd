// SPDX-License-Identifier: Apache-2.0
// What a confined command cannot do, in each profile this machine offers. A test whose layer is
// missing is skipped and says so.
#include "guard/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "base/random.h"
#include "guard/sandbox/seccomp_filter.h"

namespace plinth::guard {
namespace {

namespace fs = std::filesystem;

// Probing starts several children; every test shares one sandbox per profile.
Sandbox& sandbox_of(SandboxProfile profile) {
  static SystemProcessSupervisor supervisor;
  static const auto kFull = *create_sandbox(supervisor);
  static const auto kReduced = *create_sandbox(supervisor, {"", SandboxProfile::reduced});
  return profile == SandboxProfile::full ? *kFull : *kReduced;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    SystemRandom random;
    path_ = fs::temp_directory_path() / ("plinth-sandbox-" + std::to_string(random.next()));
    fs::create_directories(path_);
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name) << content;
    return (path_ / name).string();
  }

 private:
  fs::path path_;
};

class SandboxProfiles : public ::testing::TestWithParam<SandboxProfile> {
 protected:
  void SetUp() override {
    if (sandbox().report().in_force != GetParam()) {
      GTEST_SKIP() << "this machine does not offer the profile: "
                   << sandbox().report().to_json().dump();
    }
  }
  Sandbox& sandbox() { return sandbox_of(GetParam()); }
  ProcessOutcome run(SandboxSpec spec) {
    auto outcome = sandbox().run(spec);
    if (outcome.is_error()) {
      ADD_FAILURE() << outcome.error().message;
      return {};
    }
    return *outcome;
  }
  ProcessOutcome shell(const std::string& script) {
    SandboxSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    return run(spec);
  }
};

TEST_P(SandboxProfiles, runs_a_command_and_hands_on_its_input_and_exit_code) {
  SandboxSpec spec;
  spec.argv = {"cat"};
  spec.standard_input = "through the sandbox";
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output, "through the sandbox") << outcome.standard_error;
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(shell("exit 7").exit_code, 7);
}

TEST_P(SandboxProfiles, reads_and_writes_only_the_paths_it_was_given) {
  const TemporaryFolder given;
  const TemporaryFolder other;
  const std::string inside = given.file("inside.txt", "open");
  const std::string outside = other.file("outside.txt", "closed");
  SandboxSpec spec;
  spec.writable_paths = {given.path()};
  spec.working_folder = given.path();
  spec.argv = {"cat", inside};
  EXPECT_EQ(run(spec).standard_output, "open");
  spec.argv = {"cat", outside};
  EXPECT_NE(run(spec).exit_code, 0);
  spec.argv = {"/bin/sh", "-c", "echo made > made.txt; echo no > " + outside};
  run(spec);
  EXPECT_TRUE(fs::exists(given.path() + "/made.txt"));
  std::ifstream unchanged(outside);
  std::string content;
  unchanged >> content;
  EXPECT_EQ(content, "closed");
}

TEST_P(SandboxProfiles, cannot_write_what_it_may_only_read) {
  const TemporaryFolder given;
  const std::string file = given.file("kept.txt", "kept");
  SandboxSpec spec;
  spec.read_only_paths = {given.path()};
  spec.argv = {"cat", file};
  EXPECT_EQ(run(spec).standard_output, "kept");
  spec.argv = {"/bin/sh", "-c", "echo changed > " + file + "; echo new > " + given.path() + "/n"};
  run(spec);
  std::ifstream stream(file);
  std::string content;
  stream >> content;
  EXPECT_EQ(content, "kept");
  EXPECT_FALSE(fs::exists(given.path() + "/n"));
}

TEST_P(SandboxProfiles, a_link_inside_does_not_lead_outside) {
  const TemporaryFolder given;
  const TemporaryFolder other;
  const std::string outside = other.file("outside.txt", "closed");
  fs::create_symlink(outside, given.path() + "/link");
  SandboxSpec spec;
  spec.read_only_paths = {given.path()};
  spec.argv = {"cat", given.path() + "/link"};
  const ProcessOutcome outcome = run(spec);
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_EQ(outcome.standard_output, "");
}

TEST_P(SandboxProfiles, sees_no_secret_of_the_host) {
  for (const std::string path : {"/etc/shadow", "/etc/passwd", "/proc/1/environ", "/root"}) {
    EXPECT_EQ(shell("cat < " + path).standard_output, "") << path;
  }
}

TEST_P(SandboxProfiles, has_exactly_the_environment_it_was_given) {
  ::setenv("PLINTH_TEST_SECRET", "leak", 1);
  SandboxSpec spec;
  spec.argv = {"/usr/bin/env"};
  spec.environment = {{"LANG", "C"}};
  EXPECT_EQ(run(spec).standard_output, "LANG=C\n");
  ::unsetenv("PLINTH_TEST_SECRET");
}

TEST_P(SandboxProfiles, inherits_no_descriptor) {
  const int leaked = ::open("/etc/passwd", O_RDONLY);  // no close-on-exec, on purpose
  ASSERT_GE(leaked, 0);
  const ProcessOutcome outcome =
      shell("for n in 3 4 5 6 7 8 9; do (: <&$n) 2>/dev/null && echo open $n; done; :");
  ::close(leaked);
  EXPECT_EQ(outcome.standard_output, "");
}

TEST_P(SandboxProfiles, cannot_open_a_socket) {
  if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "python3 is not installed";
  SandboxSpec spec;
  spec.argv = {"/usr/bin/python3", "-I", "-S", "-c",
               "import socket\n"
               "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 40):\n"
               "  try:\n"
               "    socket.socket(family, socket.SOCK_DGRAM)\n"
               "    print('open', family)\n"
               "  except OSError as error: print(error.errno)\n"};
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output, "1\n1\n1\n1\n1\n") << outcome.standard_error;
}

TEST_P(SandboxProfiles, cannot_use_forbidden_system_calls) {
  if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "python3 is not installed";
  SandboxSpec spec;
  // unshare, ptrace, mount, keyctl, bpf, io_uring_setup, perf_event_open, userfaultfd, init_module,
  // kexec_load, process_vm_readv, pidfd_getfd, open_by_handle_at, memfd_create by their numbers on
  // x86-64.
  spec.argv = {"/usr/bin/python3", "-I", "-S", "-c",
               "import ctypes\n"
               "libc = ctypes.CDLL(None, use_errno=True)\n"
               "for n in (272,101,165,250,321,425,298,323,175,246,310,438,304,319):\n"
               "  r = libc.syscall(n, 0, 0, 0, 0, 0)\n"
               "  if r != -1 or ctypes.get_errno() != 1: print(n, r, ctypes.get_errno())\n"
               "print('done')\n"};
#if defined(__x86_64__)
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output, "done\n") << outcome.standard_error;
#else
  GTEST_SKIP() << "the numbers are those of x86-64";
#endif
}

TEST_P(SandboxProfiles, cannot_signal_this_process) {
  const ProcessOutcome outcome =
      shell("kill -USR1 " + std::to_string(::getpid()) + " 2>/dev/null && echo sent; :");
  EXPECT_EQ(outcome.standard_output, "");
}

TEST_P(SandboxProfiles, ends_when_its_time_is_over) {
  SandboxSpec spec;
  spec.argv = {"/bin/sh", "-c", "while :; do :; done"};
  spec.time_max = std::chrono::milliseconds(300);
  const ProcessOutcome outcome = run(spec);
  EXPECT_TRUE(outcome.is_timed_out);
}

TEST_P(SandboxProfiles, cannot_write_a_file_beyond_its_limit) {
  const TemporaryFolder given;
  SandboxSpec spec;
  spec.writable_paths = {given.path()};
  spec.file_bytes_max = 4096;
  spec.argv = {"dd", "if=/dev/zero", "of=" + given.path() + "/big", "bs=1024", "count=64"};
  run(spec);
  EXPECT_LE(fs::file_size(given.path() + "/big"), 4096u);
}

TEST_P(SandboxProfiles, cannot_take_more_memory_than_its_limit) {
  SandboxSpec spec;
  spec.memory_bytes_max = 64u << 20;
  spec.argv = {"dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"};
  EXPECT_NE(run(spec).exit_code, 0);
}

TEST_P(SandboxProfiles, output_beyond_the_limit_is_cut) {
  SandboxSpec spec;
  spec.output_bytes_max = 1000;
  spec.argv = {"dd", "if=/dev/zero", "bs=4096", "count=8", "status=none"};
  const ProcessOutcome outcome = run(spec);
  EXPECT_EQ(outcome.standard_output.size(), 1000u);
  EXPECT_TRUE(outcome.is_output_cut);
}

TEST_P(SandboxProfiles, refuses_what_it_cannot_confine) {
  SandboxSpec spec;
  spec.argv = {"true"};
  spec.allowed_hosts = {"example.org:443"};
  EXPECT_EQ(sandbox().run(spec).error().code, ErrorCode::sandbox_unavailable);
  spec.allowed_hosts = {};
  spec.writable_paths = {"/tmp/../etc"};
  EXPECT_EQ(sandbox().run(spec).error().code, ErrorCode::invalid_argument);
  spec.writable_paths = {"relative"};
  EXPECT_EQ(sandbox().run(spec).error().code, ErrorCode::invalid_argument);
  spec.writable_paths = {"/no/such/folder"};
  EXPECT_EQ(sandbox().run(spec).error().code, ErrorCode::sandbox_unavailable);
  EXPECT_EQ(sandbox().run({}).error().code, ErrorCode::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Sandbox, SandboxProfiles,
                         ::testing::Values(SandboxProfile::full, SandboxProfile::reduced),
                         [](const auto& one) { return std::string(profile_name(one.param)); });

TEST(Sandbox, reduced_refuses_what_needs_a_shell_or_the_network) {
  Sandbox& sandbox = sandbox_of(SandboxProfile::reduced);
  SandboxSpec spec;
  spec.argv = {"true"};
  spec.needs_shell_or_network = true;
  EXPECT_EQ(sandbox.run(spec).error().code, ErrorCode::sandbox_unavailable);
}

TEST(Sandbox, a_command_in_the_reduced_profile_is_one_process) {
  Sandbox& sandbox = sandbox_of(SandboxProfile::reduced);
  if (sandbox.report().in_force != SandboxProfile::reduced) GTEST_SKIP() << "no reduced profile";
  SandboxSpec spec;
  spec.argv = {"/bin/sh", "-c", "/usr/bin/env & wait; echo after"};
  const auto outcome = sandbox.run(spec);
  ASSERT_TRUE(outcome.is_ok());
  EXPECT_EQ(outcome->standard_output, "");
}

TEST(Sandbox, without_a_profile_nothing_runs) {
  SystemProcessSupervisor supervisor;
  const auto sandbox = create_sandbox(supervisor, {"", SandboxProfile::none});
  ASSERT_TRUE(sandbox.is_ok());
  SandboxSpec spec;
  spec.argv = {"true"};
  EXPECT_EQ((*sandbox)->run(spec).error().code, ErrorCode::sandbox_unavailable);
}

TEST(Sandbox, a_program_that_is_no_launcher_leaves_no_profile) {
  SystemProcessSupervisor supervisor;
  const auto sandbox = create_sandbox(supervisor, {"/bin/true", SandboxProfile::full});
  ASSERT_TRUE(sandbox.is_ok());
  EXPECT_EQ((*sandbox)->report().in_force, SandboxProfile::none);
}

TEST(Sandbox, the_report_says_for_every_layer_whether_it_holds) {
  const SandboxReport& report = sandbox_of(SandboxProfile::full).report();
  std::vector<std::string> names;
  for (const SandboxLayer& layer : report.layers) {
    names.push_back(layer.name);
    EXPECT_FALSE(layer.detail.empty()) << layer.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"user namespaces", "bubblewrap", "seccomp", "landlock",
                                             "rlimits", "no_new_privs"}));
}

TEST(Sandbox, the_table_of_calls_leaves_out_the_dangerous_ones) {
  for (const CallRow& row : seccomp_table()) {
    for (const std::string_view name : {"socket",
                                        "connect",
                                        "ptrace",
                                        "mount",
                                        "unshare",
                                        "setns",
                                        "bpf",
                                        "keyctl",
                                        "add_key",
                                        "io_uring_setup",
                                        "perf_event_open",
                                        "init_module",
                                        "kexec_load",
                                        "userfaultfd",
                                        "process_vm_readv",
                                        "process_vm_writev",
                                        "pidfd_getfd",
                                        "open_by_handle_at",
                                        "chroot",
                                        "personality",
                                        "memfd_create",
                                        "mknod"}) {
      EXPECT_NE(row.name, name);
    }
  }
}

}  // namespace
}  // namespace plinth::guard
