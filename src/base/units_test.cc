// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

namespace plinth {
namespace {

using namespace std::chrono_literals;

TEST(Units, reads_decimal_and_binary_sizes) {
  EXPECT_EQ(parse_bytes("512MiB").value(), 512u << 20);
  EXPECT_EQ(parse_bytes("2GB").value(), 2'000'000'000u);
  EXPECT_EQ(parse_bytes("1.5 GiB").value(), 1'610'612'736u);
  EXPECT_EQ(parse_bytes("100").value(), 100u);
  EXPECT_EQ(parse_bytes("0B").value(), 0u);
  EXPECT_EQ(parse_bytes("64kib").value(), 65536u);
}

TEST(Units, refuses_sizes_without_meaning_and_says_what_is_allowed) {
  for (const char* text : {"", "MiB", "-1MB", "1 M", "1e3B", "1.2.3MB", "nan", "9e99TB", "1MBx",
                           "10000000TiB", "99999999999999999999B", "."}) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed.is_error()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_NE(parse_bytes("12Q").error().message.find("12Q"), std::string::npos);
  EXPECT_NE(parse_bytes("12Q").error().message.find("MiB"), std::string::npos);
}

TEST(Units, reads_spans_of_time) {
  EXPECT_EQ(parse_duration("1500ms").value(), 1500ms);
  EXPECT_EQ(parse_duration("30s").value(), 30s);
  EXPECT_EQ(parse_duration("1.5h").value(), 90min);
  EXPECT_EQ(parse_duration("5m").value(), 5min);
  EXPECT_EQ(parse_duration("2d").value(), 48h);
  EXPECT_EQ(parse_duration("0").value(), 0s);
  EXPECT_EQ(parse_duration("7us").value(), 7us);
}

TEST(Units, refuses_bare_numbers_and_spans_past_the_clock) {
  for (const char* text : {"", "10", "s", "-1s", "1 year", "300000d", "1e9s"}) {
    EXPECT_TRUE(parse_duration(text).is_error()) << text;
  }
}

TEST(Units, writes_sizes_for_people) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1 KiB");
  EXPECT_EQ(format_bytes(1'610'612'736), "1.5 GiB");
  EXPECT_EQ(format_bytes((1u << 20) - 1), "1 MiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16 EiB");
}

TEST(Units, writes_spans_for_people) {
  EXPECT_EQ(format_duration(350ms), "350 ms");
  EXPECT_EQ(format_duration(2100ms), "2.1 s");
  EXPECT_EQ(format_duration(90s), "1.5 min");
  EXPECT_EQ(format_duration(0s), "0 ns");
  EXPECT_EQ(format_duration(999'999us), "1 s");
  EXPECT_EQ(format_duration(-2s), "-2 s");
  EXPECT_EQ(format_duration(26h), "26 h");
}

TEST(Units, to_ms_cuts_the_fraction) { EXPECT_EQ(to_ms(1'999us), 1); }

}  // namespace
}  // namespace plinth
