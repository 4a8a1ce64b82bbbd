// SPDX-License-Identifier: Apache-2.0
// The allow-list. Absent on purpose: everything that makes sockets or namespaces, traces or signals
// other processes, loads code into the kernel, mounts, changes the clock, or offers a second way
// around the filter (io_uring).
#include <array>
#include <vector>

#include "guard/sandbox/seccomp_filter.h"

namespace plinth::guard {
namespace {

// Terminal size, bytes waiting, close-on-exec and non-blocking: none that types into a terminal
// (TIOCSTI).
constexpr std::array<uint64_t, 7> kDeviceRequests = {0x5401, 0x540F, 0x5413, 0x541B,
                                                     0x5421, 0x5450, 0x5451};
// Duplicates, flags, locks and pipe sizes: none that makes another process the owner of signals
// (F_SETOWN).
constexpr std::array<uint64_t, 14> kFileCommands = {0, 1,  2,  3,  4,    5,    6,
                                                    7, 36, 37, 38, 1030, 1031, 1032};
// Names, dumpable, capabilities' reading, no_new_privs, names of memory; not the parent-death
// signal.
constexpr std::array<uint64_t, 9> kProcessOptions = {3, 4, 15, 16, 21, 23, 38, 39, 0x53564d41};

std::vector<CallRow> make_table() {
  std::vector<CallRow> rows;
  for (const std::string_view name :
       {// Reading and writing of what is open.
        "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
        "pwritev2", "lseek", "close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2",
        "sendfile", "copy_file_range", "splice", "tee", "flock", "fsync", "fdatasync", "ftruncate",
        "fallocate", "fadvise64", "sync_file_range", "fstat", "fstatfs",
        // Files by path; Landlock and the mount namespace say which.
        "open", "openat", "openat2", "creat", "stat", "lstat", "newfstatat", "statx", "statfs",
        "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64",
        "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename",
        "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "truncate", "chmod",
        "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "umask", "utime", "utimes",
        "utimensat", "futimesat", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
        "flistxattr", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
        // Memory.
        "mmap", "mprotect", "munmap", "mremap", "madvise", "msync", "mincore", "mlock", "munlock",
        "mlock2", "brk", "membarrier",
        // Waiting.
        "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
        "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create",
        "timerfd_settime", "timerfd_gettime", "signalfd", "signalfd4", "nanosleep",
        "clock_nanosleep", "futex", "futex_waitv", "restart_syscall", "pause",
        // Time.
        "clock_gettime", "clock_getres", "gettimeofday", "time", "times", "getitimer", "setitimer",
        "alarm", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun",
        "timer_delete",
        // The process itself.
        "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid",
        "gettid", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgid", "getpgrp",
        "getsid", "getresuid", "getresgid", "getrusage", "getrlimit", "setrlimit", "sysinfo",
        "uname", "getcpu", "getrandom", "capget", "arch_prctl", "set_tid_address",
        "set_robust_list", "get_robust_list", "rseq", "sched_yield", "sched_getaffinity",
        "sched_getparam", "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
        "getpriority", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
        "rt_sigtimedwait", "rt_sigsuspend", "sigaltstack",
        // Talk over a pair of sockets made here.
        "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "getsockname", "getpeername",
        "getsockopt", "setsockopt"}) {
    rows.push_back({name});
  }
  for (const std::string_view name : {"fork", "vfork", "setpgid", "setsid"}) {
    rows.push_back({name, CallRule::with_own_pids});
  }
  for (const std::string_view name : {"kill", "tgkill"}) {
    rows.push_back({name, CallRule::own_process_first});
  }
  rows.push_back({"clone", CallRule::new_thread});
  rows.push_back({"clone3", CallRule::not_implemented});
  rows.push_back({"prlimit64", CallRule::self_first});
  rows.push_back({"socketpair", CallRule::unix_first});
  rows.push_back({"ioctl", CallRule::second_listed, kDeviceRequests});
  rows.push_back({"fcntl", CallRule::second_listed, kFileCommands});
  rows.push_back({"prctl", CallRule::first_listed, kProcessOptions});
  return rows;
}

}  // namespace

std::span<const CallRow> seccomp_table() {
  static const std::vector<CallRow> kTable = make_table();
  return kTable;
}

}  // namespace plinth::guard
