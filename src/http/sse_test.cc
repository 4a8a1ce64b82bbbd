// SPDX-License-Identifier: Apache-2.0
// Server-sent events: the standard's examples, cuts anywhere, limits.
#include "http/sse.h"

#include <gtest/gtest.h>

#include <random>

namespace plinth::http {
namespace {

std::vector<SseEvent> parse(std::string_view bytes) {
  SseParser parser;
  auto events = parser.feed(bytes);
  return events.is_ok() ? std::move(events).value() : std::vector<SseEvent>();
}

std::vector<std::string> data_of(std::string_view bytes) {
  std::vector<std::string> data;
  for (const SseEvent& event : parse(bytes)) data.push_back(event.data);
  return data;
}

using Texts = std::vector<std::string>;

TEST(Sse, reads_what_it_writes) {
  for (const char* data : {"", "x", "a\nb", "\n", "a\n", " leading space", "{\"é\":1}", ":colon"}) {
    const auto events = parse(encode_sse({.event = "tick", .data = data, .id = "7"}));
    ASSERT_EQ(events.size(), 1u) << data;
    EXPECT_EQ(events[0].data, data);
    EXPECT_EQ(events[0].event, "tick");
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(data_of(encode_sse_data(data)), Texts{data});
  }
}

TEST(Sse, writes_one_data_line_a_line_of_text) {
  EXPECT_EQ(encode_sse_data("[DONE]"), "data: [DONE]\n\n");
  EXPECT_EQ(encode_sse_data("a\r\nb\rc"), "data: a\ndata: b\ndata: c\n\n");
  EXPECT_EQ(encode_sse({.event = "e\nx: y", .data = "d", .id = ""}), "event: e x: y\ndata: d\n\n");
}

TEST(Sse, follows_the_standards_rules_for_lines_and_fields) {
  EXPECT_EQ(data_of("data: a\n\ndata: b\r\n\r\ndata: c\r\r"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(data_of("data:a\ndata\ndata: b\n\n"), Texts{"a\n\nb"});
  EXPECT_EQ(data_of("data:  two\n\n"), Texts{" two"});
  EXPECT_EQ(data_of(": comment\nretry: 10\nunknown: x\n\n"), Texts{});
  EXPECT_EQ(data_of("event: only\n\ndata: a\n\n"), Texts{"a"});
  EXPECT_EQ(data_of("\xEF\xBB\xBF"
                    "data: a\n\n"),
            Texts{"a"});
  EXPECT_EQ(data_of("data: unfinished"), Texts{});
  EXPECT_EQ(data_of("data\n\n"), Texts{""});
}

TEST(Sse, keeps_the_id_for_later_events_and_forgets_the_name) {
  const auto events = parse("id: 1\nevent: e\ndata: a\n\ndata: b\n\nid\ndata: c\n\n");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].id + events[0].event, "1e");
  EXPECT_EQ(events[1].id + events[1].event, "1");
  EXPECT_EQ(events[2].id, "");
}

TEST(Sse, gives_the_same_events_wherever_the_bytes_are_cut) {
  const std::string pieces[] = {"data: a", "\n", "\r", "\r\n", "id: 1", "event: x", ":", "é", " "};
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    for (int i = 0; i < 30; ++i) bytes += pieces[random() % std::size(pieces)];
    const auto whole = parse(bytes);
    SseParser parser;
    std::vector<SseEvent> cut;
    for (size_t at = 0; at < bytes.size();) {
      const size_t length = 1 + random() % 4;
      const auto fed = parser.feed(std::string_view(bytes).substr(at, length));
      ASSERT_TRUE(fed.is_ok());
      cut.insert(cut.end(), fed->begin(), fed->end());
      at += length;
    }
    ASSERT_EQ(cut.size(), whole.size());
    for (size_t i = 0; i < cut.size(); ++i) {
      EXPECT_EQ(cut[i].data, whole[i].data);
      EXPECT_EQ(cut[i].event, whole[i].event);
      EXPECT_EQ(cut[i].id, whole[i].id);
    }
  }
}

TEST(Sse, refuses_an_event_that_outgrows_the_limit) {
  const std::string piece(1u << 20, 'x');
  for (const char* begin : {"data: ", "data: x\ndata: ", ": "}) {
    SseParser parser;
    ASSERT_TRUE(parser.feed(begin).is_ok());
    bool is_refused = false;
    for (int i = 0; i < 5 && !is_refused; ++i) {
      const auto fed = parser.feed(piece);
      is_refused = fed.is_error();
      if (is_refused) {
        EXPECT_EQ(fed.error().code, ErrorCode::too_large);
      }
    }
    EXPECT_TRUE(is_refused);
    EXPECT_TRUE(parser.feed("\n\n").is_error());
  }
}

}  // namespace
}  // namespace plinth::http
