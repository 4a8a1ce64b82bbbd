// SPDX-License-Identifier: Apache-2.0
#include "telemetry/trace.h"

#include <gtest/gtest.h>

namespace plinth::telemetry {
namespace {

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class ZeroRandom final : public Random {
 public:
  uint64_t next() override { return 0; }
};

TEST(TraceContext, reads_the_example_of_the_standard_and_writes_it_back) {
  const TraceContext context = TraceContext::parse(kExample).value();
  EXPECT_EQ(context.trace.hex(), kTrace);
  EXPECT_EQ(context.span.hex(), "00f067aa0ba902b7");
  EXPECT_TRUE(context.is_sampled);
  EXPECT_EQ(context.traceparent(), kExample);
}

TEST(TraceContext, only_the_lowest_flag_means_sampled) {
  const std::string text(kExample.substr(0, 53));
  EXPECT_FALSE(TraceContext::parse(text + "00").value().is_sampled);
  EXPECT_FALSE(TraceContext::parse(text + "fe").value().is_sampled);
  EXPECT_TRUE(TraceContext::parse(text + "ff").value().is_sampled);
}

TEST(TraceContext, reads_later_versions_as_far_as_it_knows_them) {
  const std::string rest(kExample.substr(2));
  EXPECT_TRUE(TraceContext::parse("01" + rest).is_ok());
  EXPECT_TRUE(TraceContext::parse("cc" + rest + "-more").is_ok());
  EXPECT_TRUE(TraceContext::parse("cc" + rest + "more").is_error());
  EXPECT_TRUE(TraceContext::parse("00" + rest + "-more").is_error());
  EXPECT_TRUE(TraceContext::parse("ff" + rest).is_error());
}

TEST(TraceContext, refuses_everything_else) {
  const std::string example(kExample);
  std::string upper = example;
  upper[3] = 'B';
  std::string no_dash = example;
  no_dash[35] = '0';
  for (const std::string& text :
       {std::string(), example.substr(1), example.substr(0, 54), upper, no_dash, example + "0",
        "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
        "00-" + std::string(kTrace) + "-0000000000000000-01", "0x" + example.substr(2),
        std::string(1000, '-')}) {
    const auto parsed = TraceContext::parse(text);
    ASSERT_TRUE(parsed.is_error()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::malformed);
  }
}

TEST(TraceContext, a_child_keeps_the_trace_and_has_its_own_span) {
  SeededRandom random(1);
  const TraceContext context = TraceContext::make(random, true);
  const TraceContext child = context.child(random);
  EXPECT_EQ(child.trace, context.trace);
  EXPECT_NE(child.span, context.span);
  EXPECT_TRUE(child.is_sampled);
  EXPECT_EQ(TraceContext::parse(child.traceparent()).value().span, child.span);
}

TEST(TraceContext, ids_are_never_all_zero) {
  ZeroRandom random;
  EXPECT_TRUE(TraceContext::parse(TraceContext::make(random, false).traceparent()).is_ok());
}

}  // namespace
}  // namespace plinth::telemetry
