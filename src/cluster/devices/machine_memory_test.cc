// SPDX-License-Identifier: Apache-2.0
// Memory limits and CPU quotas as the kernel writes them, below a folder the test fills.
#include "cluster/devices/machine_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace plinth::cluster {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;

class Machine : public ::testing::Test {
 protected:
  Machine()
      : root_((std::filesystem::temp_directory_path() /
               ("plinth-machine-" + std::to_string(getpid()) + "-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                  .string()) {}
  ~Machine() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = root_ + "/" + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  void write_meminfo() {
    write(
        "proc/meminfo",
        "MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n");
  }

  const std::string root_;
};

using MemoryLimit = Machine;

TEST_F(MemoryLimit, is_the_machines_when_no_cgroup_limits_it) {
  write_meminfo();
  const auto memory = read_memory(root_);
  ASSERT_TRUE(memory.is_ok());
  EXPECT_EQ(memory->bytes_total, 16384 * kMiB);
  EXPECT_EQ(memory->bytes_free, 8192 * kMiB);
}

TEST_F(MemoryLimit, is_narrowed_by_the_tightest_of_the_enclosing_cgroups_v2) {
  write_meminfo();
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  write("sys/fs/cgroup/outer/memory.max", std::to_string(2048 * kMiB) + "\n");
  write("sys/fs/cgroup/outer/memory.current", std::to_string(1536 * kMiB) + "\n");
  write("sys/fs/cgroup/outer/memory.stat",
        "anon 1\ninactive_file " + std::to_string(512 * kMiB) + "\nfile 3\n");
  const auto memory = read_memory(root_);
  ASSERT_TRUE(memory.is_ok());
  EXPECT_EQ(memory->bytes_total, 2048 * kMiB);
  EXPECT_EQ(memory->bytes_free, 1024 * kMiB);
}

TEST_F(MemoryLimit, is_narrowed_by_cgroups_v1_even_where_the_hosts_path_is_not_visible) {
  write_meminfo();
  write("proc/self/cgroup",
        "9:name=systemd:/\n4:memory:/kubepods/pod-1\n2:cpu,cpuacct:/kubepods\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", std::to_string(1024 * kMiB));
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", std::to_string(256 * kMiB));
  const auto memory = read_memory(root_);
  ASSERT_TRUE(memory.is_ok());
  EXPECT_EQ(memory->bytes_total, 1024 * kMiB);
  EXPECT_EQ(memory->bytes_free, 768 * kMiB);
}

TEST_F(MemoryLimit, is_an_error_when_the_machine_cannot_be_read) {
  EXPECT_EQ(read_memory(root_).error().code, ErrorCode::io_failed);
  write("proc/meminfo", "nothing here\n");
  EXPECT_EQ(read_memory(root_).error().code, ErrorCode::io_failed);
}

TEST_F(MemoryLimit, does_not_go_below_zero_when_a_cgroup_uses_more_than_its_limit) {
  write_meminfo();
  write("proc/self/cgroup", "0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "1000\n");
  write("sys/fs/cgroup/a/memory.current", "5000\n");
  EXPECT_EQ(read_memory(root_)->bytes_free, 0u);
}

using CpuQuota = Machine;

TEST_F(CpuQuota, is_the_tightest_of_the_enclosing_cgroups) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  EXPECT_FALSE(read_cpu_quota(root_).has_value());
  write("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_FALSE(read_cpu_quota(root_).has_value());
  write("sys/fs/cgroup/outer/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(read_cpu_quota(root_).value(), 1.5);
  write("sys/fs/cgroup/outer/inner/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(read_cpu_quota(root_).value(), 0.5);
}

TEST_F(CpuQuota, reads_version_1_and_takes_minus_one_for_none) {
  write("proc/self/cgroup", "2:cpu,cpuacct:/x\n");
  write("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
  EXPECT_FALSE(read_cpu_quota(root_).has_value());
  write("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "200000\n");
  EXPECT_DOUBLE_EQ(read_cpu_quota(root_).value(), 2.0);
}

}  // namespace
}  // namespace plinth::cluster
