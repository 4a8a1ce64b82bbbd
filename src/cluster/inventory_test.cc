// SPDX-License-Identifier: Apache-2.0
// The machine this test runs on, and the JSON of reports.
#include "cluster/inventory.h"

#include <gtest/gtest.h>

#include <thread>

#include "cluster/devices/gpus.h"

namespace plinth::cluster {
namespace {

TEST(Inventory, finds_the_cpus_and_memory_this_process_may_use) {
  const auto devices = read_inventory();
  ASSERT_TRUE(devices.is_ok()) << devices.error().message;
  ASSERT_FALSE(devices->empty());
  const Device& cpu = devices->front();
  EXPECT_EQ(cpu.id, "cpu0");
  EXPECT_EQ(cpu.kind, DeviceKind::cpu);
  EXPECT_GE(cpu.threads, 1);
  EXPECT_LE(cpu.cores, cpu.threads);
  EXPECT_LE(static_cast<unsigned>(cpu.threads), std::thread::hardware_concurrency());
  EXPECT_GT(cpu.memory_bytes_total, 64u << 20);
  EXPECT_LE(cpu.memory_bytes_free, cpu.memory_bytes_total);
  EXPECT_FALSE(cpu.isa.empty());
  EXPECT_FALSE(read_gpu_detail().empty());
}

TEST(Inventory, a_machine_without_the_driver_has_no_gpus_and_says_so) {
  const Gpus gpus = read_gpus("libthere-is-no-such-driver.so.1");
  EXPECT_TRUE(gpus.devices.empty());
  EXPECT_EQ(gpus.detail, "no NVIDIA driver");
}

TEST(Inventory, a_library_that_is_no_driver_is_not_called) {
  const Gpus gpus = read_gpus("libc.so.6");
  EXPECT_TRUE(gpus.devices.empty());
  EXPECT_NE(gpus.detail.find("older than"), std::string::npos);
}

NodeReport minimal() {
  NodeReport report;
  report.id = "node_1";
  return report;
}

TEST(NodeReport, comes_back_from_its_json) {
  NodeReport report;
  report.id = "node_1";
  report.version = "0.1.0";
  report.os = "Linux";
  report.gpu_detail = "no NVIDIA driver";
  report.devices.push_back({.id = "cpu0",
                            .kind = DeviceKind::cpu,
                            .name = "a CPU",
                            .memory_bytes_total = 8,
                            .memory_bytes_free = 4,
                            .cores = 2,
                            .threads = 4,
                            .cpu_quota = 1.5,
                            .isa = "x86-64-v3",
                            .packages = 1,
                            .numa_nodes = 1,
                            .cache_bytes = 1024});
  report.devices.push_back({.id = "gpu0",
                            .kind = DeviceKind::gpu,
                            .name = "a GPU",
                            .memory_bytes_total = 80,
                            .memory_bytes_free = 70,
                            .isa = "compute 9.0"});
  report.models = Json::array_of({"m"});
  const auto again = NodeReport::from_json(report.to_json());
  ASSERT_TRUE(again.is_ok()) << again.error().message;
  EXPECT_EQ(again->to_json(), report.to_json());
}

TEST(NodeReport, refuses_a_newer_format_and_names_it) {
  Json json = minimal().to_json();
  json.set("format", 2);
  const auto report = NodeReport::from_json(json);
  EXPECT_EQ(report.error().code, ErrorCode::unsupported);
  EXPECT_NE(report.error().message.find("got 2"), std::string::npos);
}

TEST(NodeReport, refuses_a_device_of_an_unknown_kind) {
  Json json = minimal().to_json();
  json.set("devices", Json::array().push(Json::object({{"id", "x"}, {"kind", "abacus"}})));
  EXPECT_EQ(NodeReport::from_json(json).error().code, ErrorCode::malformed);
}

}  // namespace
}  // namespace plinth::cluster
