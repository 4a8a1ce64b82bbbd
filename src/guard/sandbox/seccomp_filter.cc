// SPDX-License-Identifier: Apache-2.0
// From the table of system calls to a filter in the kernel (libseccomp).
#include "guard/sandbox/seccomp_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace plinth::guard {
namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

Error unavailable(std::string_view what, int error) {
  return make_error(ErrorCode::sandbox_unavailable,
                    "seccomp: " + std::string(what) + ": " +
                        std::system_category().message(error < 0 ? -error : error));
}

int allow(const Filter& filter, int call) {
  return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
}

int allow_if(const Filter& filter, int call, const scmp_arg_cmp& condition) {
  return seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &condition);
}

int allow_listed(const Filter& filter, int call, unsigned argument,
                 std::span<const uint64_t> values) {
  for (const uint64_t value : values) {
    // The kernel looks at 32 bits of these arguments, so must the filter.
    const int added = allow_if(filter, call, {argument, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, value});
    if (added != 0) return added;
  }
  return 0;
}

int allow_clone(const Filter& filter, int call, bool has_own_pids) {
  const uint64_t mask = has_own_pids ? kNewNamespaces : kNewNamespaces | CLONE_THREAD;
  const uint64_t wanted = has_own_pids ? 0 : CLONE_THREAD;
  return allow_if(filter, call, {0, SCMP_CMP_MASKED_EQ, mask, wanted});
}

int add_row(const Filter& filter, const CallRow& row, int call, bool has_own_pids) {
  switch (row.rule) {
    case CallRule::allowed:
      return allow(filter, call);
    case CallRule::with_own_pids:
      return has_own_pids ? allow(filter, call) : 0;
    case CallRule::new_thread:
      return allow_clone(filter, call, has_own_pids);
    case CallRule::own_process_first:
      // The number stays the same over execve, and without own pids there is no fork.
      return has_own_pids ? allow(filter, call)
                          : allow_if(filter, call,
                                     {0, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu,
                                      static_cast<uint64_t>(::getpid())});
    case CallRule::self_first:
      return allow_if(filter, call, {0, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, 0});
    case CallRule::unix_first:
      return allow_if(filter, call, {0, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, AF_UNIX});
    case CallRule::second_listed:
      return allow_listed(filter, call, 1, row.values);
    case CallRule::first_listed:
      return allow_listed(filter, call, 0, row.values);
    case CallRule::not_implemented:
      return seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), call, 0);
  }
  return -EINVAL;
}

}  // namespace

Status apply_seccomp(bool has_own_pids) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
  if (filter == nullptr) return unavailable("init", ENOMEM);
  const int arch = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (arch != 0) return unavailable("architecture", arch);
  // A binary tree instead of a list of comparisons: every system call of the tool passes through
  // it.
  const int tree = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (tree != 0) return unavailable("optimize", tree);
  for (const CallRow& row : seccomp_table()) {
    const int call = seccomp_syscall_resolve_name(std::string(row.name).c_str());
    if (call == __NR_SCMP_ERROR || call < 0) continue;  // not a call of this architecture
    const int added = add_row(filter, row, call, has_own_pids);
    if (added != 0) return unavailable(row.name, added);
  }
  const int loaded = seccomp_load(filter.get());
  if (loaded != 0) return unavailable("load", loaded);
  return ok();
}

}  // namespace plinth::guard
