// SPDX-License-Identifier: Apache-2.0
// The channel under slow readers, readers that leave, and readers on other threads.
#include "serving/channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace plinth::serving {
namespace {

using protocol::ChatEvent;

ChatEvent text(std::string words) {
  ChatEvent event;
  event.text = std::move(words);
  return event;
}

ChatEvent finished() {
  ChatEvent event;
  event.kind = ChatEvent::Kind::finished;
  return event;
}

TEST(Channel, hands_events_over_in_order_and_nothing_after_the_end) {
  Channel channel = create_channel("req_1");
  EXPECT_EQ(channel.reader->id(), "req_1");
  EXPECT_FALSE(channel.reader->try_next().has_value());
  EXPECT_TRUE(channel.writer.write(text("a")));
  EXPECT_TRUE(channel.writer.write(text("b")));
  EXPECT_TRUE(channel.writer.write(finished()));
  EXPECT_FALSE(channel.writer.write(text("late")));
  EXPECT_EQ(channel.reader->try_next()->text, "a");
  EXPECT_EQ(channel.reader->next(std::chrono::seconds(5))->text, "b");
  EXPECT_EQ(channel.reader->try_next()->kind, ChatEvent::Kind::finished);
  EXPECT_FALSE(channel.reader->next(std::chrono::seconds(60)).has_value());
}

TEST(Channel, lets_texts_flow_together_for_a_slow_reader_and_loses_none) {
  Channel channel = create_channel("req_1");
  std::string written;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece = std::to_string(i) + " ";
    written += piece;
    ASSERT_TRUE(channel.writer.write(text(piece)));
  }
  channel.writer.write(finished());
  std::string read;
  size_t events = 0;
  while (auto event = channel.reader->try_next()) {
    read += event->text;
    ++events;
  }
  EXPECT_EQ(read, written);
  EXPECT_LE(events, kChannelEventsMax + 1);
}

TEST(Channel, fails_the_reply_when_unread_bytes_outgrow_the_limit) {
  Channel channel = create_channel("req_1");
  const std::string megabyte(1u << 20, 'x');
  bool is_open = true;
  for (int i = 0; i < 64 && is_open; ++i) is_open = channel.writer.write(text(megabyte));
  EXPECT_FALSE(channel.writer.write(finished()));
  size_t bytes = 0;
  std::optional<ChatEvent> last;
  while (auto event = channel.reader->try_next()) {
    bytes += event->text.size();
    last = event;
  }
  EXPECT_LE(bytes, kChannelBytesMax);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->kind, ChatEvent::Kind::failed);
  EXPECT_EQ(last->error.code, ErrorCode::overloaded);
}

// What makes the reply knows nothing of its end.
TEST(Channel, cancelling_an_outgrown_reply_is_told_and_a_finished_one_not) {
  for (const bool is_outgrown : {true, false}) {
    Channel channel = create_channel("req_1");
    int told = 0;
    channel.writer.on_cancel([&] { ++told; });
    if (is_outgrown) {
      const std::string megabyte(1u << 20, 'x');
      for (size_t i = 0; i <= kChannelBytesMax >> 20; ++i) channel.writer.write(text(megabyte));
      ASSERT_FALSE(channel.writer.write(finished()));
    } else {
      channel.writer.write(finished());
    }
    channel.reader->cancel();
    channel.reader.reset();
    EXPECT_EQ(told, is_outgrown ? 1 : 0);
  }
}

TEST(Channel, a_reader_that_is_gone_stops_the_writer) {
  Channel channel = create_channel("req_1");
  EXPECT_FALSE(channel.writer.is_cancelled());
  channel.reader.reset();
  EXPECT_TRUE(channel.writer.is_cancelled());
  EXPECT_FALSE(channel.writer.write(text("a")));
}

TEST(Channel, a_cancelled_reader_still_reads_how_it_ended) {
  Channel channel = create_channel("req_1");
  channel.reader->cancel();
  EXPECT_TRUE(channel.writer.is_cancelled());
  EXPECT_FALSE(channel.writer.write(finished()));
  EXPECT_EQ(channel.reader->try_next()->kind, ChatEvent::Kind::finished);
}

TEST(Channel, calls_back_at_once_when_something_waits_and_then_for_every_event) {
  Channel channel = create_channel("req_1");
  channel.writer.write(text("a"));
  int calls = 0;
  channel.reader->on_ready([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  channel.writer.write(text("b"));
  EXPECT_EQ(calls, 2);
}

TEST(Channel, releases_the_callback_after_the_end_so_that_a_reader_may_own_itself) {
  auto channel = std::make_unique<Channel>(create_channel("req_1"));
  struct Owner {
    std::unique_ptr<ChatStream> stream;
    std::string text;
    bool* is_gone = nullptr;
    ~Owner() { *is_gone = true; }
  };
  bool is_gone = false;
  auto owner = std::make_shared<Owner>();
  owner->stream = std::move(channel->reader);
  owner->is_gone = &is_gone;
  ChatStream& stream = *owner->stream;
  stream.on_ready([owner] {
    while (auto event = owner->stream->try_next()) owner->text += event->text;
  });
  owner.reset();
  channel->writer.write(text("a"));
  EXPECT_FALSE(is_gone);
  channel->writer.write(finished());
  EXPECT_TRUE(is_gone);
}

TEST(Channel, a_callback_may_destroy_its_own_stream) {
  Channel channel = create_channel("req_1");
  auto stream = std::move(channel.reader);
  ChatStream& alias = *stream;
  alias.on_ready([&stream] { stream.reset(); });
  EXPECT_FALSE(channel.writer.write(text("a")));
  EXPECT_EQ(stream, nullptr);
}

TEST(Channel, never_calls_back_once_the_reader_is_destroyed) {
  for (int round = 0; round < 200; ++round) {
    Channel channel = create_channel("req_1");
    auto alive = std::make_unique<std::atomic<int>>(0);
    channel.reader->on_ready([counter = alive.get()] { ++*counter; });
    std::thread producer([writer = channel.writer]() mutable {
      for (int i = 0; i < 50; ++i) writer.write(text("x"));
      writer.write(finished());
    });
    channel.reader.reset();
    alive.reset();  // a late call would touch freed memory: the sanitizers would say so
    producer.join();
  }
}

TEST(Channel, loses_nothing_between_a_producing_and_a_waiting_thread) {
  Channel channel = create_channel("req_1");
  std::thread producer([writer = channel.writer]() mutable {
    for (int i = 0; i < 5'000; ++i) writer.write(text("x"));
    writer.write(finished());
  });
  size_t letters = 0;
  while (true) {
    auto event = channel.reader->next(std::chrono::seconds(10));
    ASSERT_TRUE(event.has_value());
    if (event->kind == ChatEvent::Kind::finished) break;
    letters += event->text.size();
  }
  producer.join();
  EXPECT_EQ(letters, 5'000u);
}

}  // namespace
}  // namespace plinth::serving
