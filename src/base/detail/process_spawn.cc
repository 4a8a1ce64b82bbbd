// SPDX-License-Identifier: Apache-2.0
// Starting a child. Everything that allocates happens before vfork; between vfork and exec the
// child makes only async-signal-safe calls, because it borrows the memory of a parent with many
// threads. vfork, not fork: copying the page tables of a process that holds model weights would
// stall it.
#include "base/detail/process_spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/text.h"

namespace plinth {
namespace {

constexpr size_t kExtraInputsMax = 8;
constexpr int kExtraInputFdMax = 63;
constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

struct Pipe {
  Descriptor read;
  Descriptor write;
};

struct Redirection {
  int from;
  int to;
};

// Descriptors from first to last are closed in the child.
struct FdRange {
  unsigned first;
  unsigned last;
};

// What the child needs between vfork and exec, as plain pointers into memory of the parent.
struct LaunchPlan {
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_folder = nullptr;  // null: stay
  std::vector<Redirection> redirections;
  std::vector<FdRange> closed;
  int failure_fd = -1;  // receives errno when the program could not be started; closed by exec
  pid_t parent = -1;
};

Error os_error(std::string_view action, int number) {
  return make_error(ErrorCode::io_failed,
                    std::string(action) + ": " + std::system_category().message(number));
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_error("pipe", errno);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

Status set_nonblocking(const Descriptor& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return os_error("fcntl", errno);
  }
  return ok();
}

// Moves a descriptor above every number the child will use, so that no redirection overwrites
// another's source.
Status lift(Descriptor& fd) {
  const int high = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kExtraInputFdMax + 1);
  if (high < 0) return os_error("fcntl", errno);
  fd = Descriptor(high);
  return ok();
}

bool is_program(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// Relative names are taken from the parent's folder, also when the child starts in another one.
Result<std::string> find_program(const std::string& name) {
  std::error_code error;
  if (name.find('/') != std::string::npos) {
    const std::string path = std::filesystem::absolute(name, error).string();
    if (!error && is_program(path)) return path;
    return make_error(ErrorCode::not_found, "no program at " + name);
  }
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path ? path : kDefaultPath, ':')) {
    if (folder.empty() || folder[0] != '/') continue;  // never a program of the current folder
    std::string candidate = std::string(folder) + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  return make_error(ErrorCode::not_found, "no program '" + name + "' in PATH");
}

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Status check_spec(const ProcessSpec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty()) {
    return make_error(ErrorCode::invalid_argument, "argv is empty", "argv");
  }
  if (std::any_of(spec.argv.begin(), spec.argv.end(), has_zero)) {
    return make_error(ErrorCode::invalid_argument, "an argument holds a zero byte", "argv");
  }
  for (const auto& [name, value] : spec.environment) {
    if (name.empty() || has_zero(name) || has_zero(value) || name.find('=') != std::string::npos) {
      return make_error(ErrorCode::invalid_argument,
                        "the variable '" + name + "' cannot stand in an environment",
                        "environment");
    }
  }
  std::set<int> numbers;
  for (const auto& [fd, bytes] : spec.extra_inputs) {
    if (fd < 3 || fd > kExtraInputFdMax || !numbers.insert(fd).second) {
      return make_error(ErrorCode::invalid_argument,
                        "descriptor " + std::to_string(fd) +
                            ": expected distinct numbers from 3 to " +
                            std::to_string(kExtraInputFdMax),
                        "extra_inputs");
    }
  }
  if (numbers.size() > kExtraInputsMax) {
    return make_error(ErrorCode::invalid_argument,
                      "more than " + std::to_string(kExtraInputsMax) + " extra inputs",
                      "extra_inputs");
  }
  return ok();
}

// Every number from 3 up that is neither a redirection's target nor the failure pipe.
std::vector<FdRange> ranges_to_close(const LaunchPlan& plan) {
  std::set<unsigned> kept{static_cast<unsigned>(plan.failure_fd)};
  for (const Redirection& redirection : plan.redirections) {
    if (redirection.to >= 3) kept.insert(static_cast<unsigned>(redirection.to));
  }
  std::vector<FdRange> ranges;
  unsigned first = 3;
  for (const unsigned fd : kept) {
    if (fd > first) ranges.push_back({first, fd - 1});
    first = fd + 1;
  }
  ranges.push_back({first, UINT_MAX});
  return ranges;
}

// Runs in the child, on the parent's memory: no allocation, no locks, nothing the parent would
// miss.
[[noreturn]] void run_child(const LaunchPlan& plan) {
  const auto give_up = [&plan] {
    const int number = errno;
    [[maybe_unused]] const ssize_t sent = ::write(plan.failure_fd, &number, sizeof number);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent)
    ::_exit(127);  // the parent died before the line above took effect
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  for (const Redirection& redirection : plan.redirections) {
    if (::dup2(redirection.from, redirection.to) < 0) give_up();
  }
  for (const FdRange& range : plan.closed) {
    if (::syscall(SYS_close_range, range.first, range.last, 0) != 0) give_up();
  }
  if (plan.working_folder && ::chdir(plan.working_folder) != 0) give_up();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program, plan.argv, plan.environment);
  give_up();
  ::_exit(127);
}

// Signals wait until the child has its own memory: no handler of ours may run in it.
[[gnu::noinline]] pid_t launch(const LaunchPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) run_child(plan);
  const int number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = number;
  return pid;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Waits for the exec: 0 when it happened, else the errno that prevented it.
int read_failure(const Descriptor& fd) {
  int number = 0;
  ssize_t count = 0;
  do {
    count = ::read(fd.get(), &number, sizeof number);
  } while (count < 0 && errno == EINTR);
  return count == sizeof number ? number : 0;
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<Child> spawn_child(const ProcessSpec& spec) {
  TRY(check_spec(spec));
  const std::string program = TRY(find_program(spec.argv[0]));
  std::vector<std::string> arguments = spec.argv;
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> environment = pointers_to(variables);

  Child child;
  LaunchPlan plan;
  std::vector<Descriptor> child_ends;
  const auto give_child = [&](Descriptor end, int number) -> Status {
    TRY(lift(end));
    plan.redirections.push_back({end.get(), number});
    child_ends.push_back(std::move(end));
    return ok();
  };
  const auto add_input = [&](int number, std::string_view bytes) -> Status {
    Pipe pipe = TRY(make_pipe());
    TRY(set_nonblocking(pipe.write));
    TRY(give_child(std::move(pipe.read), number));
    child.inputs.push_back({std::move(pipe.write), bytes});
    return ok();
  };
  const auto add_output = [&](int number) -> Result<Descriptor> {
    Pipe pipe = TRY(make_pipe());
    TRY(set_nonblocking(pipe.read));
    TRY(give_child(std::move(pipe.write), number));
    return std::move(pipe.read);
  };
  TRY(add_input(0, spec.standard_input));
  child.standard_output = TRY(add_output(1));
  child.standard_error = TRY(add_output(2));
  for (const auto& [number, bytes] : spec.extra_inputs) TRY(add_input(number, bytes));
  Pipe failure = TRY(make_pipe());
  TRY(lift(failure.write));

  plan.program = program.c_str();
  plan.argv = argv.data();
  plan.environment = environment.data();
  plan.working_folder = spec.working_folder.empty() ? nullptr : spec.working_folder.c_str();
  plan.failure_fd = failure.write.get();
  plan.closed = ranges_to_close(plan);
  plan.parent = ::getpid();
  child.pid = launch(plan);
  if (child.pid < 0) return os_error("vfork", errno);
  failure.write.close();
  if (const int number = read_failure(failure.read)) {
    reap(child.pid);
    return os_error("start " + program, number);
  }
  child.exited = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.exited) {
    const int number = errno;
    ::kill(-child.pid, SIGKILL);
    reap(child.pid);
    return os_error("pidfd_open", number);
  }
  return child;
}

}  // namespace plinth
