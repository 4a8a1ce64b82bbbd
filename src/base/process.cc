// SPDX-License-Identifier: Apache-2.0
// Running a child to its end: one poll loop feeds its inputs, collects its outputs and watches the
// time.
//
// The kernel ties a child's life to the *thread* that started it (PR_SET_PDEATHSIG). run() blocks
// that thread until the child is gone, so a thread that ends early can only be one whose process is
// ending.
#include "base/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <system_error>

#include "base/detail/process_spawn.h"

namespace plinth {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// A child may close its stdin early: then writing must fail with EPIPE, not end this process.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeBlocked() {
    const timespec now{0, 0};
    if (!was_pending_) {
      while (::sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

// Kills the group before the leader is reaped: until then its number cannot belong to anyone else.
class ChildRun {
 public:
  ChildRun(const ProcessSpec& spec, Child child)
      : child_(std::move(child)),
        output_bytes_max_(spec.output_bytes_max),
        until_(std::chrono::steady_clock::now() + spec.time_max) {}

  Result<ProcessOutcome> finish() {
    bool is_ended = false;
    while (!is_ended && !outcome_.is_timed_out) {
      const int wait_ms = ms_left();
      outcome_.is_timed_out = wait_ms == 0;
      if (!outcome_.is_timed_out) is_ended = wait_once(wait_ms);
    }
    ::kill(-child_.pid, SIGKILL);
    Status reaped = reap();
    // What was written before the end is still in the pipes.
    drain(child_.standard_output, outcome_.standard_output);
    drain(child_.standard_error, outcome_.standard_error);
    if (reaped.is_error()) return std::move(reaped).error();
    return std::move(outcome_);
  }

 private:
  int ms_left() const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
  }

  // True once the child has ended.
  bool wait_once(int wait_ms) {
    std::vector<pollfd> waits{{child_.exited.get(), POLLIN, 0},
                              {child_.standard_output.get(), POLLIN, 0},
                              {child_.standard_error.get(), POLLIN, 0}};
    for (const ChildInput& input : child_.inputs) waits.push_back({input.fd.get(), POLLOUT, 0});
    if (::poll(waits.data(), waits.size(), wait_ms) <= 0) return false;
    if (waits[1].revents != 0) drain(child_.standard_output, outcome_.standard_output);
    if (waits[2].revents != 0) drain(child_.standard_error, outcome_.standard_error);
    for (size_t i = 0; i < child_.inputs.size(); ++i) {
      if (waits[3 + i].revents != 0) feed(child_.inputs[i]);
    }
    return waits[0].revents != 0;
  }

  static void feed(ChildInput& input) {
    while (!input.bytes.empty()) {
      const ssize_t count = ::write(input.fd.get(), input.bytes.data(), input.bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) break;  // nobody reads it any more
      input.bytes.remove_prefix(static_cast<size_t>(count));
    }
    input.fd.close();
  }

  void drain(Descriptor& fd, std::string& text) {
    std::array<char, 16384> buffer;
    while (fd) {
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return fd.close();
      const size_t room = output_bytes_max_ - text.size();
      const size_t kept = std::min(room, static_cast<size_t>(count));
      text.append(buffer.data(), kept);
      if (kept < static_cast<size_t>(count)) outcome_.is_output_cut = true;
    }
  }

  Status reap() {
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0) {
      if (errno == EINTR) continue;
      return make_error(ErrorCode::io_failed,
                        "wait for the child: " + std::system_category().message(errno));
    }
    outcome_.is_signaled = WIFSIGNALED(status);
    if (outcome_.is_signaled) outcome_.signal = WTERMSIG(status);
    if (WIFEXITED(status)) outcome_.exit_code = WEXITSTATUS(status);
    return ok();
  }

  Child child_;
  const size_t output_bytes_max_;
  const SteadyTime until_;
  ProcessOutcome outcome_;
};

}  // namespace

Result<ProcessOutcome> SystemProcessSupervisor::run(const ProcessSpec& spec) {
  const SigpipeBlocked guard;
  return ChildRun(spec, TRY(spawn_child(spec))).finish();
}

Result<std::string> own_program_path() {
  std::array<char, PATH_MAX> path;
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<size_t>(length) == path.size()) {
    return make_error(ErrorCode::io_failed, "cannot read /proc/self/exe");
  }
  return std::string(path.data(), static_cast<size_t>(length));
}

}  // namespace plinth
