// SPDX-License-Identifier: Apache-2.0
// Formats: proc(5) meminfo, cgroups(7); the kernel's cgroup-v2.rst (memory.max, memory.current,
// cpu.max) and cgroup-v1/memory.rst (memory.limit_in_bytes, memory.usage_in_bytes). A cgroup's
// usage counts the page cache, which the kernel gives up under pressure: inactive_file of
// memory.stat is taken off.
#include "cluster/devices/machine_memory.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <vector>

#include "base/text.h"

namespace plinth::cluster {

namespace {

constexpr size_t kFileBytesMax = 64u << 10;
constexpr size_t kCgroupDepthMax = 64;

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

std::optional<uint64_t> parse_number(std::string_view text) {
  text = trim(text);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> read_number(const std::string& path) {
  const auto text = read_text(path);
  return text ? parse_number(*text) : std::nullopt;  // "max" is no number: no limit
}

// The value of "name value" or "name: value kB" lines.
std::optional<uint64_t> field(const std::string& text, std::string_view name) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    line.remove_prefix(name.size());
    if (line.empty() || (line[0] != ':' && line[0] != ' ')) continue;
    line = trim(line.substr(1));
    const bool is_kilobytes = line.ends_with(" kB");
    if (is_kilobytes) line.remove_suffix(3);
    const auto value = parse_number(line);
    if (!value || !is_kilobytes) return value;
    return *value <= std::numeric_limits<uint64_t>::max() / 1024 ? std::optional(*value * 1024)
                                                                 : std::nullopt;
  }
  return std::nullopt;
}

struct Cgroups {
  std::string unified;  // v2 path, "/user.slice/x"
  std::string memory;   // v1 path of the memory controller
  std::string cpu;      // v1 path of the cpu controller
};

Cgroups own_cgroups(const std::string& root) {
  Cgroups groups;
  const auto text = read_text(root + "/proc/self/cgroup");
  if (!text) return groups;
  for (const std::string_view line : split(*text, '\n')) {
    const auto parts = split(line, ':');  // hierarchy:controllers:path; a path may hold colons
    if (parts.size() < 3) continue;
    const auto path = line.substr(parts[0].size() + parts[1].size() + 2);
    if (parts[1].empty()) groups.unified = path;
    for (const std::string_view controller : split(parts[1], ',')) {
      if (controller == "memory") groups.memory = path;
      if (controller == "cpu") groups.cpu = path;
    }
  }
  return groups;
}

// The folder of a cgroup and of every one that encloses it. Inside a container the path may name
// folders that only the host sees; those are skipped by reading nothing from them.
std::vector<std::string> enclosing(const std::string& mount, std::string path) {
  std::vector<std::string> folders;
  while (folders.size() < kCgroupDepthMax && path.size() > 1) {
    folders.push_back(mount + path);
    path.resize(path.rfind('/'));
  }
  folders.push_back(mount);
  return folders;
}

struct MemoryFiles {
  std::string_view limit;
  std::string_view usage;
  std::string_view reclaimable;  // a field of memory.stat
};

void narrow(MachineMemory& memory, const std::string& folder, const MemoryFiles& files) {
  const auto limit = read_number(folder + "/" + std::string(files.limit));
  if (!limit) return;
  memory.bytes_total = std::min(memory.bytes_total, *limit);
  uint64_t used = read_number(folder + "/" + std::string(files.usage)).value_or(0);
  if (const auto stat = read_text(folder + "/memory.stat")) {
    used -= std::min(used, field(*stat, files.reclaimable).value_or(0));
  }
  memory.bytes_free = std::min(memory.bytes_free, *limit - std::min(*limit, used));
}

std::optional<double> quota_of_v2(const std::string& folder) {
  const auto text = read_text(folder + "/cpu.max");  // "max 100000" or "150000 100000"
  if (!text) return std::nullopt;
  const auto parts = split(trim(*text), ' ');
  if (parts.size() != 2) return std::nullopt;
  const auto quota = parse_number(parts[0]);
  const auto period = parse_number(parts[1]);
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> quota_of_v1(const std::string& folder) {
  const auto quota = read_number(folder + "/cpu.cfs_quota_us");  // -1: none
  const auto period = read_number(folder + "/cpu.cfs_period_us");
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

}  // namespace

Result<MachineMemory> read_memory(const std::string& root) {
  const auto meminfo = read_text(root + "/proc/meminfo");
  if (!meminfo) return make_error(ErrorCode::io_failed, root + "/proc/meminfo: cannot be read");
  MachineMemory memory;
  memory.bytes_total = field(*meminfo, "MemTotal").value_or(0);
  if (memory.bytes_total == 0) {
    return make_error(ErrorCode::io_failed, root + "/proc/meminfo: no MemTotal line");
  }
  memory.bytes_free = field(*meminfo, "MemAvailable").value_or(memory.bytes_total);
  const Cgroups groups = own_cgroups(root);
  const std::string mount = root + "/sys/fs/cgroup";
  for (const std::string& folder : enclosing(mount, groups.unified)) {
    narrow(memory, folder, {"memory.max", "memory.current", "inactive_file"});
  }
  for (const std::string& folder : enclosing(mount + "/memory", groups.memory)) {
    narrow(memory, folder,
           {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"});
  }
  return memory;
}

std::optional<double> read_cpu_quota(const std::string& root) {
  const Cgroups groups = own_cgroups(root);
  const std::string mount = root + "/sys/fs/cgroup";
  std::optional<double> tightest;
  const auto consider = [&](std::optional<double> quota) {
    if (quota && (!tightest || *quota < *tightest)) tightest = quota;
  };
  for (const auto& folder : enclosing(mount, groups.unified)) consider(quota_of_v2(folder));
  for (const auto& folder : enclosing(mount + "/cpu", groups.cpu)) consider(quota_of_v1(folder));
  return tightest;
}

}  // namespace plinth::cluster
