// SPDX-License-Identifier: Apache-2.0
// Properties of placement over random nodes, and the sentences people read.
#include "decisions/place.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace plinth::decisions {
namespace {

constexpr uint64_t kMiB = 1u << 20;
constexpr uint64_t kGiB = 1u << 30;

PlaceDevice cpu(const std::string& id, uint64_t free) {
  return {id, DeviceKind::cpu, free * 2, free};
}
PlaceDevice gpu(const std::string& id, uint64_t free) {
  return {id, DeviceKind::gpu, free * 2, free};
}

TEST(Place, says_what_is_needed_and_what_is_free_when_a_model_does_not_fit) {
  PlaceQuery query{
      .model = "big", .weight_bytes = 4608 * kMiB, .kv_bytes = 512 * kMiB, .layers = 32};
  const PlaceDecision decision = place(query, {cpu("cpu0", 3 * kGiB)});
  EXPECT_FALSE(decision.is_placed);
  EXPECT_TRUE(decision.parts.empty());
  EXPECT_EQ(decision.reason, "needs 5 GiB (weights 4.5 GiB + KV 512 MiB); cpu0 has 3 GiB free");
}

TEST(Place, takes_the_device_with_the_least_room_left_over) {
  PlaceQuery query{.model = "m", .weight_bytes = kGiB, .kv_bytes = kGiB, .layers = 4};
  const PlaceDecision decision =
      place(query, {cpu("cpu0", 64 * kGiB), cpu("cpu1", 3 * kGiB), cpu("cpu2", kGiB)});
  ASSERT_TRUE(decision.is_placed);
  ASSERT_EQ(decision.parts.size(), 1u);
  EXPECT_EQ(decision.parts[0].device, "cpu1");
  EXPECT_EQ(decision.parts[0].layers, 4);
}

TEST(Place, leaves_gpus_alone_when_the_engine_cannot_use_them) {
  PlaceQuery query{.model = "m", .weight_bytes = 2 * kGiB, .kv_bytes = 0, .layers = 4};
  const PlaceDecision on_cpu = place(query, {gpu("gpu0", 80 * kGiB), cpu("cpu0", 4 * kGiB)});
  ASSERT_TRUE(on_cpu.is_placed);
  EXPECT_EQ(on_cpu.parts[0].device, "cpu0");
  const PlaceDecision nowhere = place(query, {gpu("gpu0", 80 * kGiB), cpu("cpu0", kGiB)});
  EXPECT_FALSE(nowhere.is_placed);
  EXPECT_NE(nowhere.reason.find("this engine computes on CPUs"), std::string::npos);
}

TEST(Place, splits_layers_over_gpus_and_leaves_the_rest_to_a_cpu) {
  PlaceQuery query{
      .model = "m", .weight_bytes = 10 * kGiB, .kv_bytes = 0, .layers = 10, .gpu_layers_max = 10};
  const PlaceDecision decision =
      place(query, {gpu("gpu0", 3 * kGiB), gpu("gpu1", 4 * kGiB), cpu("cpu0", 8 * kGiB)});
  ASSERT_TRUE(decision.is_placed);
  ASSERT_EQ(decision.parts.size(), 3u);
  EXPECT_EQ(decision.parts[0].device, "gpu1");
  EXPECT_EQ(decision.parts[0].layers, 4);
  EXPECT_EQ(decision.parts[1].layers, 3);
  EXPECT_EQ(decision.parts[2].device, "cpu0");
  EXPECT_EQ(decision.parts[2].layers, 3);
}

TEST(Place, refuses_sizes_that_overflow) {
  PlaceQuery query{.model = "m", .weight_bytes = UINT64_MAX, .kv_bytes = 2, .layers = 4};
  EXPECT_FALSE(place(query, {cpu("cpu0", UINT64_MAX)}).is_placed);
}

TEST(Place, never_gives_a_device_more_than_it_has_free) {
  SeededRandom random(11);
  int placed = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::vector<PlaceDevice> devices;
    std::map<std::string, uint64_t> free;
    const auto count = random.below(6);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t bytes = random.below(20 * kGiB);
      const std::string id = "d" + std::to_string(i);
      devices.push_back(random.below(2) == 0 ? cpu(id, bytes) : gpu(id, bytes));
      free[id] = bytes;
    }
    PlaceQuery query{.model = "m",
                     .weight_bytes = random.below(30 * kGiB),
                     .kv_bytes = random.below(4 * kGiB),
                     .layers = static_cast<int64_t>(1 + random.below(80))};
    query.gpu_layers_max = static_cast<int64_t>(random.below(100));
    const PlaceDecision decision = place(query, devices);
    ASSERT_FALSE(decision.reason.empty());
    if (!decision.is_placed) {
      ASSERT_TRUE(decision.parts.empty());
      for (const PlaceDevice& device : devices) {
        if (device.kind == DeviceKind::cpu) {
          ASSERT_LT(device.memory_bytes_free, query.weight_bytes + query.kv_bytes);
        }
      }
      continue;
    }
    ++placed;
    int64_t layers = 0;
    uint64_t bytes = 0;
    for (const PlacePart& part : decision.parts) {
      ASSERT_LE(part.bytes, free.at(part.device));
      layers += part.layers;
      bytes += part.bytes;
    }
    ASSERT_EQ(layers, query.layers);
    ASSERT_GE(bytes, query.weight_bytes + query.kv_bytes);
  }
  EXPECT_GT(placed, 500);
}

}  // namespace
}  // namespace plinth::decisions
